package daemon

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keyd/credfile/atomicfile"
)

// SettingsFile is keyd.ini, and the copy of it that the daemon has last read
// without a mistake: settings.good, in the state folder. The copy is what a
// daemon goes by that is started while there is a mistake in keyd.ini.
//
// Not guaranteed: that the copy is as new as the last good keyd.ini. What was
// changed while no daemon ran, and then broken, no daemon has seen.
type SettingsFile struct {
	Path  string // keyd.ini
	State string // folder
	Sys   atomicfile.Sys
}

// Load is LoadSettings, and keeps a copy of what was read well. A copy that
// cannot be written is no reason to refuse good settings.
func (f SettingsFile) Load() (Settings, error) {
	data, err := readSettings(f.Path)
	if err != nil {
		return Settings{}, err
	}
	s, err := ParseSettings(f.Path, data)
	if err != nil {
		return Settings{}, err
	}
	if kept, err := f.kept(); err != nil || !bytes.Equal(kept, data) {
		_ = atomicfile.Write(f.Sys, goodPath(f.State), append(seal(data), data...), 0o600)
	}
	return s, nil
}

// InForce returns the settings that hold while Load fails: those of the copy.
// Without one they are Unknown.
func (f SettingsFile) InForce() Settings {
	if data, err := f.kept(); err == nil {
		if s, err := ParseSettings(goodPath(f.State), data); err == nil {
			return s
		}
	}
	unknown := DefaultSettings()
	unknown.Unknown = true
	return unknown
}

// kept returns the copy, if it is whole: one that is cut short might lack the
// line that excludes a key.
func (f SettingsFile) kept() ([]byte, error) {
	text, err := atomicfile.Tail(f.Sys, goodPath(f.State), atomicfile.MaxSize)
	if err != nil {
		return nil, err
	}
	_, data, _ := bytes.Cut(text, []byte("\n"))
	if !bytes.HasPrefix(text, seal(data)) {
		return nil, errors.New("damaged copy of the settings")
	}
	return data, nil
}

// seal is the first line of a copy: a comment.
func seal(data []byte) []byte {
	return fmt.Appendf(nil, "; the last good keyd.ini, sha256 %x\n", sha256.Sum256(data))
}

func goodPath(state string) string { return filepath.Join(state, "settings.good") }

// readSettings reads keyd.ini; none is an empty one.
func readSettings(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("daemon: reading the settings: %w", err)
	}
	return data, nil
}

// unlessUnknown holds everything back that could rest on settings that nobody
// knows: which keys are excluded, which accounts are decoys and not even to be
// looked at, how long an old key is kept. A rotation that goes on still gets its
// proven pair into the files, or its old key back: that rests on none of them.
func unlessUnknown(s Settings, d Decision) Decision {
	if !s.Unknown || d.State == Waiting || d.State == Held {
		return d
	}
	switch d.Do {
	case Skip, Blocked, Mend, Prove, Swap, Validate, PutBack, Revive:
		return d
	}
	return blocked(time.Time{}, "keyd.ini has a mistake, and no settings from before it are known: nothing is begun until it is mended", "")
}
