package atomicfiletest

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"keyd/credfile/atomicfile"
)

// openFile is an open file. It keeps its node when another file takes its name.
type openFile struct {
	disk    *Disk
	node    *node
	name    string
	pos     int
	appends bool
	writes  bool
}

// ReadAt is the operation "read".
func (f *openFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.disk.do(DiskOp{Name: "read", Path: f.name, Read: true}, func() error {
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

// Write is the operation "write", at the end of the last Write or, with O_APPEND,
// of the file.
func (f *openFile) Write(p []byte) (int, error) {
	if f.appends {
		f.disk.mu.Lock()
		f.pos = len(f.node.data)
		f.disk.mu.Unlock()
	}
	n, err := f.WriteAt(p, int64(f.pos))
	f.pos += n
	return n, err
}

// WriteAt is the operation "write" as well. When Around makes it fail, half of the
// bytes are written first, as on a disk that fills up, but none when the error is
// EROFS.
func (f *openFile) WriteAt(p []byte, off int64) (int, error) {
	if !f.writes {
		return 0, pathError("write", f.name, syscall.EBADF)
	}
	done := false
	err := f.disk.do(DiskOp{Name: "write", Path: f.name}, func() error {
		done = true
		f.putBytes(p, int(off))
		return nil
	})
	switch {
	case err != nil && !done && errors.Is(err, syscall.EROFS):
		p = nil
	case err != nil && !done:
		p = p[:len(p)/2]
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.putBytes(p, int(off))
	}
	return len(p), pathError("write", f.name, err)
}

// putBytes writes p at off, whatever Around said.
func (f *openFile) putBytes(p []byte, off int) {
	data := make([]byte, max(len(f.node.data), off+len(p)))
	copy(data, f.node.data)
	copy(data[off:], p)
	f.setData(data)
}

// setData replaces the bytes of the file.
func (f *openFile) setData(data []byte) {
	f.node.data, f.node.mtime, f.node.lost = data, f.disk.now(), false
}

// Truncate is the operation "truncate".
func (f *openFile) Truncate(size int64) error {
	return pathError("truncate", f.name, f.disk.do(DiskOp{Name: "truncate", Path: f.name}, func() error {
		f.setData(slices.Clone(f.node.data[:min(size, int64(len(f.node.data)))]))
		return nil
	}))
}

// Sync is the operation "sync".
func (f *openFile) Sync() error {
	done := false
	err := f.disk.do(DiskOp{Name: "sync", Path: f.name}, func() error {
		done = true
		if !f.node.lost {
			f.node.kept = f.node.data
		}
		return nil
	})
	if err != nil && !done {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.node.lost = true
	}
	return pathError("sync", f.name, err)
}

// Chmod is the operation "chmod".
func (f *openFile) Chmod(mode fs.FileMode) error {
	return pathError("chmod", f.name, f.disk.do(DiskOp{Name: "chmod", Path: f.name}, func() error {
		f.node.mode = mode
		return nil
	}))
}

// Stat does not call Around.
func (f *openFile) Stat() (atomicfile.Info, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return f.node.info(), nil
}

// BeingWritten returns false: no other program keeps a file of a Disk open.
func (f *openFile) BeingWritten() bool { return false }

// Close does not call Around.
func (f *openFile) Close() error { return nil }
