//go:build linux || darwin

package copies

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// folder is an open folder. It is closed when everybody who retained it has released it.
type folder struct {
	f     *os.File
	fd    int
	users atomic.Int32
}

// openFolder opens a folder. Unless follow is set, it does not follow a link.
func openFolder(path string, follow bool) (*folder, error) {
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NONBLOCK | unix.O_CLOEXEC
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	d := &folder{f: f, fd: int(f.Fd())}
	d.users.Store(1)
	return d, nil
}

func (d *folder) retain() { d.users.Add(1) }

func (d *folder) release() {
	if d.users.Add(-1) == 0 {
		_ = d.f.Close()
	}
}

// read returns up to n of the entries that were not returned before, and io.EOF behind the
// last one.
func (d *folder) read(n int) ([]fs.DirEntry, error) { return d.f.ReadDir(n) }

// isPlaceholder reports whether reading the folder would download it from a cloud.
func (d *folder) isPlaceholder() bool {
	var st unix.Stat_t
	return ignoringEINTR(func() error { return unix.Fstat(d.fd, &st) }) == nil && isDataless(&st)
}

// isPlaceholder is false: here only the open file tells.
func isPlaceholder(fs.DirEntry) bool { return false }

// file is an open file.
type file struct {
	fd          int
	size        int64
	regular     bool
	placeholder bool
	id          [2]uint64 // device and inode
}

// open opens a file of the folder. It waits for nobody, follows no link, and leaves the time
// of the last access as it is where the system allows that.
func (d *folder) open(name string) (f file, err error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_NOCTTY | unix.O_CLOEXEC
	f.fd, err = openAt(d.fd, name, flags|noAccessTime)
	if noAccessTime != 0 && errors.Is(err, unix.EPERM) { // the file is another user's
		f.fd, err = openAt(d.fd, name, flags)
	}
	if err != nil {
		return f, err
	}
	var st unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Fstat(f.fd, &st) }); err != nil {
		f.close()
		return f, err
	}
	f.size, f.regular, f.placeholder = st.Size, st.Mode&unix.S_IFMT == unix.S_IFREG, isDataless(&st)
	f.id = [2]uint64{uint64(st.Dev), st.Ino}
	return f, nil
}

func openAt(dir int, name string, flags int) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat(dir, name, flags, 0)
		return err
	})
	return fd, err
}

func (f *file) close() { _ = unix.Close(f.fd) }

// read reads what follows what was read before; 0 means the end of the file.
func (f *file) read(buffer []byte) (n int, err error) {
	err = ignoringEINTR(func() error {
		n, err = unix.Read(f.fd, buffer)
		return err
	})
	return max(n, 0), err
}

func (f *file) readAt(buffer []byte, offset int64) (n int, err error) {
	err = ignoringEINTR(func() error {
		n, err = unix.Pread(f.fd, buffer, offset)
		return err
	})
	return max(n, 0), err
}

// isOneOf reports whether f is one of the files.
func (f *file) isOneOf(files []fs.FileInfo) bool {
	for _, fi := range files {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && f.id == [2]uint64{uint64(st.Dev), st.Ino} {
			return true
		}
	}
	return false
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isChanged reports whether an error means that a name is no longer what the folder showed
// a moment ago.
func isChanged(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ESTALE) || errors.Is(err, io.EOF)
}
