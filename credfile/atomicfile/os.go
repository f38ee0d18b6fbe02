package atomicfile

import (
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// OS is the real file system.
type OS struct{}

var _ Sys = OS{}

// Readlink is os.Readlink.
func (OS) Readlink(name string) (string, error) { return os.Readlink(name) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir is os.Mkdir.
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// Euid is os.Geteuid: -1 on Windows.
func (OS) Euid() int { return os.Geteuid() }

// TryLock is flock(2), or LockFileEx.
func (OS) TryLock(name string) (unlock func(), err error) {
	l := flock.New(name, flock.SetPermissions(0o600))
	locked, err := l.TryLock()
	if err == nil && !locked {
		err = ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil // closing the file gives the lock up whatever it says
}

// ReadDir returns the names in a directory.
func (OS) ReadDir(name string) ([]string, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// osFile is an open file of OS. The methods that need no more than package os
// come from the embedded file.
type osFile struct{ *os.File }
