package settings

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"keyd/credfile/atomicfile"
)

// File is keyd.ini together with settings.good in the state folder, a copy of the
// last keyd.ini that the daemon read without a mistake. A daemon that starts while
// keyd.ini has a mistake uses the copy.
//
// Not guaranteed: that the copy is the last good keyd.ini. If keyd.ini was changed
// and then broken while no daemon ran, no daemon has seen the good version.
type File struct {
	Path string // keyd.ini
	Copy string // settings.good
	Sys  atomicfile.Sys
	Home string // the home folder of the user, or "": what is above it is trusted

	// UserHome is what ~ and $HOME mean in the path of a link; "" means Home.
	UserHome string

	Managed ManagedFile // an administrator's settings, which bound those of keyd.ini
}

func (f File) userHome() string { return cmp.Or(f.UserHome, f.Home) }

// parse is the function Parse with the home folder, under the managed settings. managed may
// be nil.
func (f File) parse(managed *Settings, path string, data []byte) (Settings, error) {
	if managed == nil {
		return parse(path, f.userHome(), data)
	}
	p := parser{path: path, home: f.userHome(), data: data, result: Default()}
	if p.parseText(); p.err != nil {
		return p.result, p.err
	}
	return merge(*managed, p.result), nil
}

// parseHere is parse under the managed settings in force; without them if they cannot be
// used.
func (f File) parseHere(path string, data []byte) (Settings, error) {
	managed, err := f.Managed.read(f.Sys, false)
	if err != nil {
		managed = nil
	}
	return f.parse(managed, path, data)
}

// Read returns the settings of keyd.ini, as the function Load does, within the managed ones.
// Managed settings that cannot be used are a *ManagedError if no earlier ones are known, and
// otherwise Settings.ManagedProblem.
func (f File) Read() (Settings, error) {
	s, _, err := f.read(false)
	return s, err
}

// read is Read. It returns the contents of keyd.ini as well. With keep, it brings the copy of
// the managed settings up to date, even when keyd.ini cannot be used.
func (f File) read(keep bool) (Settings, []byte, error) {
	managed, unusable := f.Managed.read(f.Sys, keep)
	data, err := f.readFile()
	if err != nil {
		return Settings{}, nil, err
	}
	if unusable != nil { // before a combination in keyd.ini that they may allow
		return Settings{}, nil, unusable
	}
	s, err := f.parse(managed, f.Path, data)
	if err != nil {
		return Settings{}, nil, err
	}
	return s, data, nil
}

// Load reads keyd.ini as Read does, and saves copies of what has no mistake. Good settings
// are not refused when a copy cannot be written. With an error it returns the settings of
// Effective: managed settings may have changed although keyd.ini cannot be used.
func (f File) Load() (Settings, error) {
	s, data, err := f.read(true)
	if err != nil {
		return f.Effective(), err
	}
	writeChecked(f.Sys, f.Copy, data)
	return s, nil
}

// Effective returns the settings to use while Load fails: those of the copy, within the
// managed ones. If there is no usable copy, it returns the managed ones with OwnUnknown set,
// when they let users exclude no key: what keyd.ini says cannot keep a key from its rotation
// then. Otherwise it returns Default with Unknown set.
func (f File) Effective() Settings {
	managed, unusable := f.Managed.read(f.Sys, false)
	if data, err := readChecked(f.Sys, f.Copy); err == nil && unusable == nil {
		if s, err := f.parse(managed, f.Copy, data); err == nil {
			return s
		}
	}
	if managed != nil && managed.allowsNoExclusion() {
		s := merge(*managed, Default())
		s.OwnUnknown = true
		return s
	}
	unknown := Default()
	unknown.Unknown = true
	if managed != nil {
		unknown.Managed = managed.Managed
	}
	if failed, ok := errors.AsType[*ManagedError](unusable); ok {
		unknown.Managed = &Managed{Path: failed.Path, Problem: failed.text, Hint: failed.hint}
	}
	return unknown
}

// readChecked returns what writeChecked has written, if it is complete. A truncated copy
// might lack the line that excludes a key.
func readChecked(sys atomicfile.Sys, path string) ([]byte, error) {
	text, err := atomicfile.Tail(sys, path, atomicfile.MaxSize)
	if err != nil {
		return nil, err
	}
	_, data, _ := bytes.Cut(text, []byte("\n"))
	if !bytes.HasPrefix(text, checksumLine(data)) {
		return nil, errors.New("damaged copy of the settings")
	}
	return data, nil
}

// writeChecked writes a copy of settings, unless it is there already. Nothing depends on its
// success.
func writeChecked(sys atomicfile.Sys, path string, data []byte) {
	if good, err := readChecked(sys, path); err != nil || !bytes.Equal(good, data) {
		_ = atomicfile.Write(sys, path, append(checksumLine(data), data...), 0o600)
	}
}

// checksumLine returns the first line of a copy, a comment with the SHA-256 of data.
func checksumLine(data []byte) []byte {
	return fmt.Appendf(nil, "; the last good keyd.ini, sha256 %x\n", sha256.Sum256(data))
}

// readFile reads keyd.ini. A missing file counts as empty. A file that another user owns
// or may write, put there or remove is refused: it can exclude a key and start a program,
// with on_event.
func (f File) readFile() ([]byte, error) {
	data, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = nil, nil
	}
	if err == nil {
		err = atomicfile.CheckTrust(f.Sys, f.Path, f.Home)
	}
	if err != nil {
		return nil, fmt.Errorf("daemon: reading the settings: %w", err)
	}
	return data, nil
}
