// Package journal keeps the rotations in progress on disk: one file for each, written
// before each effect that keyd could otherwise not recognise as its own. A journal holds
// both secrets while they may be needed to go back, so its file is readable by its owner
// only, and keyd never prints it.
//
// Start with Rotation in rotation.go, the contents of one file; its fields follow the
// course of a rotation. hook.go has what is known of hooks, retirement.go what the journal of
// a key adds that ends without a successor, session.go a session that was opened with MFA. Dir saves and erases the files (journal.go) and
// loads them (load.go, memo.go); check.go finds journals that no rotation can have. A damaged file is set
// aside and never deleted. A file that a newer keyd wrote is left alone, and so is one
// that another user owns or may write. No journal is written once the pass lock is lost.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

// Dir is the folder rotations/. It holds one file per rotation in progress, named
// after the old key id, with mode 0600 in a folder of mode 0700: the file contains
// the new secret until the rotation is closed.
type Dir struct {
	Path string // of the folder
	Sys  atomicfile.Sys

	Home string // the home folder of the user, or "": what is above it is trusted

	// ReadOnly leaves a damaged journal where it is. It is set in a dry run, and by
	// commands that only show rotations.
	ReadOnly bool

	// MayWrite returns an error when this process no longer holds the lock that
	// guards the journals. It is asked before each change of a journal. nil always
	// allows one.
	MayWrite func() error

	Memo *Memo // nil means to decode whatever is read
}

// checkMayWrite asks MayWrite.
func (j Dir) checkMayWrite() error {
	if j.MayWrite == nil {
		return nil
	}
	if err := j.MayWrite(); err != nil {
		return fmt.Errorf("daemon: the journal was left as it is: %w", err)
	}
	return nil
}

// journalVersion is the newest version of a journal that this keyd can read. It increases
// when an older keyd could misread a new journal.
const journalVersion = 2

// versionOf returns the oldest version of the format that tells all of r. A keyd that knows
// version 1 would write the helper key of a retirement into the files, and would deactivate
// a key that linked files still show. It leaves such journals, of version 2, alone.
func versionOf(r *Rotation) int {
	if len(r.Links) > 0 || r.Retire != nil {
		return 2
	}
	return 1
}

// fileRecord is a Rotation as it is on disk, the only form with secrets in plain
// text.
type fileRecord struct {
	Version   int            `json:"version"`
	OldID     string         `json:"old_id"`
	OldSecret string         `json:"old_secret,omitzero"`
	NewID     string         `json:"new_id,omitzero"`
	NewSecret string         `json:"new_secret,omitzero"`
	Session   *sessionRecord `json:"session,omitzero"`
	Rotation  `json:"rotation"`
	Checksum  string `json:"sum,omitzero"` // see addChecksum
}

// Save writes r, and returns when it is durable.
func (j Dir) Save(r *Rotation) error {
	if err := j.checkMayWrite(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(toRecord(r), "", "\t")
	if err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := atomicfile.MkdirAll(j.Sys, j.Path, 0o700); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := atomicfile.Write(j.Sys, j.filePath(r.Old.ID), addChecksum(append(data, '\n')), 0o600); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	return nil
}

// CheckWritable returns an error if a journal could not be written, or could be
// lost in a power failure. It makes the folder and its parents durable. Read-only, it
// leaves no folder behind that was not there.
func (j Dir) CheckWritable() error {
	if _, err := j.Sys.Lstat(j.Path); j.ReadOnly && errors.Is(err, fs.ErrNotExist) {
		defer func() { _ = j.Sys.Remove(j.Path) }() // if it is not empty, another process has used it since
	}
	if err := atomicfile.MkdirAll(j.Sys, j.Path, 0o700); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	probe := filepath.Join(j.Path, "probe")
	if err := atomicfile.Write(j.Sys, probe, []byte("keyd\n"), 0o600); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := j.Sys.Remove(probe); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	return j.syncParents()
}

// syncParents makes the folders above the journal durable, as far up as this user
// owns them. A process may have been killed after it created one of them and before
// it synced the parent. A power failure would then remove that folder and
// everything in it.
func (j Dir) syncParents() error {
	for dir := filepath.Clean(j.Path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := j.Sys.Lstat(dir)
		if err == nil && info.UID != j.Sys.Euid() {
			return nil
		}
		if err == nil {
			err = j.Sys.SyncDir(filepath.Dir(dir))
		}
		if errors.Is(err, fs.ErrPermission) { // so this user cannot have created anything there either
			return nil
		}
		if err != nil {
			return fmt.Errorf("daemon: the journal: %w", err)
		}
	}
	return nil
}

// Sync makes the journals durable as they are now. A process may have been killed
// between the rename of a journal and the sync of its folder, and a power failure would
// bring the older journal back.
func (j Dir) Sync() error {
	if err := j.Sys.SyncDir(j.Path); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	return nil
}

// Has reports whether the journal of the rotation of oldID exists. It returns true when
// that cannot be told.
func (j Dir) Has(oldID string) bool {
	_, err := j.Sys.Lstat(j.filePath(oldID))
	return !errors.Is(err, fs.ErrNotExist)
}

// Erase removes the journal of the rotation that replaces oldID, and returns when
// the removal is durable. It is not an error if there is no such journal.
func (j Dir) Erase(oldID string) error {
	if err := j.checkMayWrite(); err != nil {
		return err
	}
	err := j.Sys.Remove(j.filePath(oldID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("daemon: erasing the journal: %w", err)
	}
	if err := j.Sys.SyncDir(j.Path); err != nil {
		return fmt.Errorf("daemon: erasing the journal: %w", err)
	}
	return nil
}

// Sweep removes the temporary files of interrupted writes: they may hold a secret.
func (j Dir) Sweep() error {
	names, err := j.Sys.ReadDir(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, name := range names {
		if target, _, ok := strings.Cut(strings.TrimPrefix(name, "."), ".keyd-"); ok {
			errs = append(errs, atomicfile.Sweep(j.Sys, filepath.Join(j.Path, target)))
		}
	}
	return errors.Join(errs...)
}

// Leftovers returns the temporary files of interrupted writes, and of one that is under way.
func (j Dir) Leftovers() (paths []string) {
	names, _ := j.Sys.ReadDir(j.Path)
	for _, name := range names {
		if target, _, ok := strings.Cut(strings.TrimPrefix(name, "."), ".keyd-"); ok {
			temps, _ := atomicfile.Leftovers(j.Sys, filepath.Join(j.Path, target))
			paths = append(paths, temps...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// filePath returns the path of the journal of the rotation that replaces oldID.
func (j Dir) filePath(oldID string) string { return filepath.Join(j.Path, oldID+".json") }

// toRecord returns r as it is written to disk, before its checksum is added.
func toRecord(r *Rotation) fileRecord {
	return fileRecord{
		Version: versionOf(r), Rotation: *r, Checksum: zeroChecksum,
		OldID: r.Old.ID, OldSecret: r.Old.Secret.Reveal(),
		NewID: r.New.ID, NewSecret: r.New.Secret.Reveal(), Session: recordSession(r.Session),
	}
}

// A journal contains its own SHA-256, computed with zeros in place of the sum. keyd
// acts on a journal, up to writing a pair into the credentials file, and so must
// notice a single flipped bit. The sum protects against disks, not against people.

// zeroChecksum is in the place of the checksum while it is computed.
var zeroChecksum = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// addChecksum puts the checksum into a journal that contains zeroChecksum.
func addChecksum(data []byte) []byte {
	sum := sha256.Sum256(data)
	return bytes.Replace(data, []byte(zeroChecksum), []byte(hex.EncodeToString(sum[:])), 1)
}

// checksumMatches reports whether a journal is as it was written. Older versions of
// keyd wrote no checksum; such a journal passes.
func checksumMatches(data []byte, sum string) bool {
	open := bytes.Replace(data, []byte(sum), []byte(zeroChecksum), 1)
	return sum == "" || !bytes.Equal(open, data) && bytes.Equal(addChecksum(open), data)
}
