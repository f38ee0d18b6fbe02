package ramdisk

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"keyd/credfile/atomicfile"
)

// file is an open file. It stays open when its name goes to another one.
type file struct {
	disk    *Disk
	node    *node
	name    string
	pos     int
	appends bool
	writes  bool
}

// ReadAt is "read".
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.disk.do(Op{Name: "read", Path: f.name, Read: true}, func() error {
		n = copy(p, f.node.data[min(off, int64(len(f.node.data))):])
		return nil
	})
	if err != nil {
		return 0, pathError("read", f.name, err)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write is "write".
func (f *file) Write(p []byte) (int, error) {
	if f.appends {
		f.pos = len(f.node.data)
	}
	n, err := f.WriteAt(p, int64(f.pos))
	f.pos += n
	return n, err
}

// WriteAt is "write", too. Where it is made to fail, half of the bytes are
// written first, as on a disk that fills; on one that is read-only, none.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if !f.writes {
		return 0, pathError("write", f.name, syscall.EBADF)
	}
	done := false
	err := f.disk.do(Op{Name: "write", Path: f.name}, func() error {
		done = true
		f.put(p, int(off))
		return nil
	})
	switch {
	case err != nil && !done && errors.Is(err, syscall.EROFS):
		p = nil
	case err != nil && !done:
		p = p[:len(p)/2]
		f.put(p, int(off))
	}
	return len(p), pathError("write", f.name, err)
}

func (f *file) put(p []byte, off int) {
	data := make([]byte, max(len(f.node.data), off+len(p)))
	copy(data, f.node.data)
	copy(data[off:], p)
	f.change(data)
}

func (f *file) change(data []byte) {
	f.node.data, f.node.mtime, f.node.lost = data, f.disk.now(), false
}

// Truncate is "truncate".
func (f *file) Truncate(size int64) error {
	return pathError("truncate", f.name, f.disk.do(Op{Name: "truncate", Path: f.name}, func() error {
		f.change(slices.Clone(f.node.data[:min(size, int64(len(f.node.data)))]))
		return nil
	}))
}

// Sync is "sync".
func (f *file) Sync() error {
	done := false
	err := f.disk.do(Op{Name: "sync", Path: f.name}, func() error {
		done = true
		if !f.node.lost {
			f.node.kept = f.node.data
		}
		return nil
	})
	if err != nil && !done {
		f.node.lost = true
	}
	return pathError("sync", f.name, err)
}

// Chmod is "chmod".
func (f *file) Chmod(mode fs.FileMode) error {
	return pathError("chmod", f.name, f.disk.do(Op{Name: "chmod", Path: f.name}, func() error {
		f.node.mode = mode
		return nil
	}))
}

// Stat asks nobody.
func (f *file) Stat() (atomicfile.Info, error) { return f.node.info(), nil }

// BeingWritten is false: the test's own writers do not stay.
func (f *file) BeingWritten() bool { return false }

// Close asks nobody.
func (f *file) Close() error { return nil }
