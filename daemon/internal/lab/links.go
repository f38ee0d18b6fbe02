package lab

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keyd/credfile"
	"keyd/daemon/settings"
)

// Link writes a file in the home folder, with the old pair in place of <ID> and <SECRET>, and
// adds it to the linked files of the settings.
func (l *Lab) Link(name, text string) {
	l.T.Helper()
	l.WriteFile(name, Fill(text, l.OldKey))
	l.Rotator.Settings.Links = append(l.Rotator.Settings.Links, settings.Link{Path: filepath.Join(l.Home, name)})
}

// Fill returns text with the pair k in place of <ID> and <SECRET>.
func Fill(text string, k credfile.Key) string {
	return strings.NewReplacer("<ID>", k.ID, "<SECRET>", k.Secret.Reveal()).Replace(text)
}

// ReadFile returns the text of a file in the home folder, "" if there is none.
func (l *Lab) ReadFile(name string) string {
	l.T.Helper()
	path := filepath.Join(l.Home, name)
	if l.disk != nil {
		return string(l.disk.Data(path))
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.T.Fatal(err)
	}
	return string(data)
}

// RemoveFile removes a file in the home folder.
func (l *Lab) RemoveFile(name string) {
	l.T.Helper()
	Must(l.T, l.Sys.Remove(filepath.Join(l.Home, name)))
}

// ShownPair returns the pair that [default] showed last.
func (l *Lab) ShownPair() credfile.Key {
	keys := l.ShownKeys()
	return keys[len(keys)-1]
}
