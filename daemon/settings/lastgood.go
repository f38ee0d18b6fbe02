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
}

func (f File) userHome() string { return cmp.Or(f.UserHome, f.Home) }

// parse is the function Parse with the home folder.
func (f File) parse(path string, data []byte) (Settings, error) {
	return parse(path, f.userHome(), data)
}

// Read returns the settings of keyd.ini, as the function Load does.
func (f File) Read() (Settings, error) {
	data, err := f.readFile()
	if err != nil {
		return Settings{}, err
	}
	return f.parse(f.Path, data)
}

// Load reads keyd.ini as the function Load does, and saves a copy if it has no
// mistake. Good settings are not refused when the copy cannot be written.
func (f File) Load() (Settings, error) {
	data, err := f.readFile()
	if err != nil {
		return Settings{}, err
	}
	s, err := f.parse(f.Path, data)
	if err != nil {
		return Settings{}, err
	}
	if good, err := f.readCopy(); err != nil || !bytes.Equal(good, data) {
		_ = atomicfile.Write(f.Sys, f.Copy, append(checksumLine(data), data...), 0o600)
	}
	return s, nil
}

// Effective returns the settings to use while Load fails: those of the copy, or
// Default with Unknown set if there is no usable copy.
func (f File) Effective() Settings {
	if data, err := f.readCopy(); err == nil {
		if s, err := f.parse(f.Copy, data); err == nil {
			return s
		}
	}
	unknown := Default()
	unknown.Unknown = true
	return unknown
}

// readCopy returns the copy if it is complete. A truncated copy might lack the line
// that excludes a key.
func (f File) readCopy() ([]byte, error) {
	text, err := atomicfile.Tail(f.Sys, f.Copy, atomicfile.MaxSize)
	if err != nil {
		return nil, err
	}
	_, data, _ := bytes.Cut(text, []byte("\n"))
	if !bytes.HasPrefix(text, checksumLine(data)) {
		return nil, errors.New("damaged copy of the settings")
	}
	return data, nil
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
