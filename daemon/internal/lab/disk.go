package lab

import (
	"io/fs"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
)

// NewOnDisk returns the lab of NewLab with real files, for a test that reads or changes them itself.
func NewOnDisk(t *testing.T, lag awssim.Lag, age time.Duration) *Lab {
	t.Helper()
	l := &Lab{T: t, Home: deeptest.Folder(t), Sys: Unsynced{}, Now: time.Now}
	l.HTTP = Watcher{Lab: l}
	l.SetUp(lag, age)
	return l
}

// Unsynced is the real file system without its slow syncs, which no test needs
// while the power stays on.
type Unsynced struct{ atomicfile.OS }

// OpenFile opens a file whose Sync does nothing.
func (d Unsynced) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

// SyncDir does nothing.
func (Unsynced) SyncDir(string) error { return nil }

// CopyMeta copies mode, owner and the like between two files that d opened.
func (d Unsynced) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(from.(unsyncedFile).File, to.(unsyncedFile).File)
}

type unsyncedFile struct{ atomicfile.File }

func (unsyncedFile) Sync() error { return nil }
