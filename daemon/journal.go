package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"keyd/credfile/atomicfile"
)

// Journal is the folder rotations/: one file per rotation in progress, named
// after the old key id, 0600 in a folder of 0700, because it holds the new
// secret until the rotation is closed.
type Journal struct {
	Dir string
	Sys atomicfile.Sys

	// ReadOnly leaves a damaged journal where it is: for a dry run, and for
	// whoever only shows what goes on.
	ReadOnly bool
}

// journalVersion is raised when an older keyd could misread a journal.
const journalVersion = 1

// record is a Rotation on disk: the one place where its secrets are plain.
type record struct {
	Version   int    `json:"version"`
	OldID     string `json:"old_id"`
	OldSecret string `json:"old_secret,omitzero"`
	NewID     string `json:"new_id,omitzero"`
	NewSecret string `json:"new_secret,omitzero"`
	Rotation  `json:"rotation"`
	Sum       string `json:"sum,omitzero"` // see sealed
}

// Save writes r durably before it returns.
func (j Journal) Save(r *Rotation) error {
	data, err := json.MarshalIndent(toRecord(r), "", "\t")
	if err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := atomicfile.MkdirAll(j.Sys, j.Dir, 0o700); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := atomicfile.Write(j.Sys, j.path(r.Old.ID), sealed(append(data, '\n')), 0o600); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	return nil
}

// Writable fails when a journal could not be written, or could not be kept.
func (j Journal) Writable() error {
	if err := atomicfile.MkdirAll(j.Sys, j.Dir, 0o700); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	probe := filepath.Join(j.Dir, "probe")
	if err := atomicfile.Write(j.Sys, probe, []byte("keyd\n"), 0o600); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	if err := j.Sys.Remove(probe); err != nil {
		return fmt.Errorf("daemon: the journal: %w", err)
	}
	return j.anchor()
}

// anchor makes the folders above the journal durable, as far up as they are this
// user's: a process that was killed may have made one of them and not come to
// that, and a power failure would take it with all that is in it by then.
func (j Journal) anchor() error {
	for dir := filepath.Clean(j.Dir); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := j.Sys.Lstat(dir)
		if err == nil && info.UID != j.Sys.Euid() {
			return nil
		}
		if err == nil {
			err = j.Sys.SyncDir(filepath.Dir(dir))
		}
		if errors.Is(err, fs.ErrPermission) { // nor could anything have been made there
			return nil
		}
		if err != nil {
			return fmt.Errorf("daemon: the journal: %w", err)
		}
	}
	return nil
}

// Erase removes the journal of the rotation of oldID, durably.
func (j Journal) Erase(oldID string) error {
	err := j.Sys.Remove(j.path(oldID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("daemon: erasing the journal: %w", err)
	}
	if err := j.Sys.SyncDir(j.Dir); err != nil {
		return fmt.Errorf("daemon: erasing the journal: %w", err)
	}
	return nil
}

// Sweep removes what a write that was cut short has left: it may hold a secret.
func (j Journal) Sweep() error {
	names, err := j.Sys.ReadDir(j.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, name := range names {
		if target, _, ok := strings.Cut(strings.TrimPrefix(name, "."), ".keyd-"); ok {
			errs = append(errs, atomicfile.Sweep(j.Sys, filepath.Join(j.Dir, target)))
		}
	}
	return errors.Join(errs...)
}

func (j Journal) path(oldID string) string { return filepath.Join(j.Dir, oldID+".json") }

func toRecord(r *Rotation) record {
	return record{
		Version: journalVersion, Rotation: *r, Sum: unsealed,
		OldID: r.Old.ID, OldSecret: r.Old.Secret.Reveal(),
		NewID: r.New.ID, NewSecret: r.New.Secret.Reveal(),
	}
}
