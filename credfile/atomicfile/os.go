package atomicfile

import (
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// OS is the real file system. Its zero value is ready to use.
type OS struct{}

var _ Sys = OS{}

// Readlink calls os.Readlink.
func (OS) Readlink(name string) (string, error) { return os.Readlink(name) }

// Remove calls os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir calls os.Mkdir.
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// Euid calls os.Geteuid, which returns -1 on Windows.
func (OS) Euid() int { return os.Geteuid() }

// TryLock calls flock(2) or, on Windows, LockFileEx.
func (OS) TryLock(name string) (unlock func(), err error) {
	l := flock.New(name, flock.SetPermissions(0o600))
	locked, err := l.TryLock()
	if err == nil && !locked {
		err = ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil // closing the file releases the lock even if Unlock fails
}

// ReadDir returns the names in a directory, in no particular order.
func (OS) ReadDir(name string) ([]string, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// osFile is an open file of OS. Methods that are the same on every system come from the
// embedded file.
type osFile struct{ *os.File }
