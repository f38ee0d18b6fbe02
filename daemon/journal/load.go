package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
)

// Load returns every rotation in progress. A journal or a folder that another user owns
// or may write counts as unreadable. An unreadable journal does not hide the others: errs
// has one error for each such file, a *NewerError, *UnreadableError, *DamagedError or a
// failure to set a damaged file aside.
func (j Dir) Load(ctx context.Context) (rotations []*Rotation, errs []error) {
	names, err := tryTwice(func() ([]string, error) { return j.Sys.ReadDir(j.Path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = atomicfile.CheckTrust(j.Sys, j.Path, j.Home)
	}
	if err != nil {
		return nil, []error{&UnreadableError{Path: j.Path, err: err}}
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") || strings.HasPrefix(name, ".") {
			continue
		}
		r, err := j.loadFile(ctx, filepath.Join(j.Path, name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rotations = append(rotations, r)
	}
	return rotations, errs
}

// tryTwice reads once more where the disk has failed: a person is told of a journal that
// cannot be read, and a network disk may only have lost a packet.
func tryTwice[T any](read func() (T, error)) (T, error) {
	data, err := read()
	if _, ok := errors.AsType[syscall.Errno](err); ok && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return read()
	}
	return data, err
}

// Find returns the rotation that replaces oldID, as it is on disk now, or nil when
// there is none.
func (j Dir) Find(ctx context.Context, oldID string) (*Rotation, error) {
	r, err := j.loadFile(ctx, j.filePath(oldID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}

// loadFile reads one journal. It sets a damaged one aside.
func (j Dir) loadFile(ctx context.Context, path string) (*Rotation, error) {
	original, err := tryTwice(func() (*atomicfile.Original, error) { return atomicfile.Read(ctx, j.Sys, path) })
	if errors.Is(err, atomicfile.ErrBusy) { // an empty file: its write was interrupted
		return nil, j.setAside(path, err)
	}
	if err == nil {
		err = original.CheckRead() // the checksum proves nothing: anyone can compute it
	}
	if err != nil {
		return nil, &UnreadableError{Path: path, err: err}
	}
	if r := j.Memo.recall(path, original.Data); r != nil {
		return r, nil
	}
	var rec fileRecord
	if err := json.Unmarshal(original.Data, &rec); err != nil {
		return nil, j.setAside(path, errors.New("not the JSON that keyd writes"))
	}
	if rec.Version > journalVersion {
		return nil, &NewerError{Path: path, Version: rec.Version}
	}
	if !checksumMatches(original.Data, rec.Checksum) {
		return nil, j.setAside(path, errors.New("its checksum does not match: the disk or a person has changed it"))
	}
	if rec.Version != versionOf(&rec.Rotation) {
		return nil, j.setAside(path, errors.New("its version is not that of its contents"))
	}
	if rec.Version < 1 || rec.OldID+".json" != filepath.Base(path) {
		return nil, j.setAside(path, errors.New("the key in it is not the key in its file name"))
	}
	r := fromRecord(rec)
	if err := r.checkConsistent(); err != nil {
		return nil, j.setAside(path, err)
	}
	j.Memo.keep(path, original.Data, r)
	return r, nil
}

// setAside renames a damaged journal instead of removing it: it may hold the only
// copy of a secret.
func (j Dir) setAside(path string, why error) error {
	if j.ReadOnly {
		return &DamagedError{Path: path, err: why}
	}
	aside := strings.TrimSuffix(path, ".json") + damagedSuffix
	if _, err := j.Sys.Lstat(aside); err == nil {
		aside += time.Now().UTC().Format("-20060102T150405.000")
	}
	if err := j.Sys.Rename(path, aside); err != nil {
		return fmt.Errorf("daemon: %s: damaged journal that cannot be moved aside: %w", path, err)
	}
	return &DamagedError{Path: path, Aside: aside, err: why}
}

// damagedSuffix marks a damaged journal that was set aside. A time may follow it.
const damagedSuffix = ".damaged"

// IsSetAside reports whether a file in the folder of the journals is a damaged journal
// that was set aside. It may hold the only copy of a secret.
func IsSetAside(name string) bool { return strings.Contains(name, damagedSuffix) }

// NewerError reports a journal written by a newer keyd. keyd leaves that journal
// and its key alone.
type NewerError struct {
	Path    string
	Version int // of the journal format
}

// Error names the journal and both versions.
func (e *NewerError) Error() string {
	return fmt.Sprintf("daemon: %s: written by a newer keyd (journal version %d, this one knows %d); left as it is",
		e.Path, e.Version, journalVersion)
}

// Hint names the remedy.
func (e *NewerError) Hint() string {
	return "install the newer keyd again; it continues where it stopped"
}

// UnreadableError reports a journal that the system does not let keyd read now, or that
// another user may have written. Until that changes, keyd leaves the key of that journal
// alone, or every key when Path is the folder.
type UnreadableError struct {
	Path string
	err  error
}

// Error says why the journal cannot be read.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("daemon: the journal: %v; its key is left as it is", e.err)
}

// Unwrap returns the error of the system.
func (e *UnreadableError) Unwrap() error { return e.err }

// DamagedError reports a journal with contents that keyd cannot trust. keyd has
// moved it to Aside. When Aside is "", it is still at Path.
type DamagedError struct {
	Path, Aside string
	err         error
}

// Error says what is wrong with the journal and where it is now.
func (e *DamagedError) Error() string {
	if e.Aside == "" {
		return fmt.Sprintf("daemon: %s: damaged journal (%v); left as it is, the next pass moves it aside", e.Path, e.err)
	}
	return fmt.Sprintf("daemon: %s: damaged journal (%v); kept as %s, nothing was changed at AWS", e.Path, e.err, e.Aside)
}

// Unwrap returns what is wrong with the journal.
func (e *DamagedError) Unwrap() error { return e.err }

// Hint asks what a person can check at AWS.
func (e *DamagedError) Hint() string {
	return "look for a second key that was left behind: aws iam list-access-keys"
}

// fromRecord returns the Rotation that was read from disk.
func fromRecord(rec fileRecord) *Rotation {
	r := rec.Rotation
	r.Old, r.New, r.Session = newPair(rec.OldID, rec.OldSecret), newPair(rec.NewID, rec.NewSecret), readSession(rec.Session)
	return &r
}

// newPair returns a key pair; secret may be "".
func newPair(id, secret string) credfile.Key {
	k := credfile.Key{ID: id}
	if secret != "" {
		k.Secret = credfile.NewSecret(secret)
	}
	return k
}
