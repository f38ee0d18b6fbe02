package atomicfiletest

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"keyd/credfile/atomicfile"
)

// writeFlags are the flags of which one is set when a file is opened for writing.
const writeFlags = os.O_WRONLY | os.O_RDWR

// OpenFile is the operation "open", "open to write" or, when it creates a file,
// "create".
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	op := DiskOp{Name: "open", Path: name, Read: true}
	switch {
	case flag&os.O_CREATE != 0 && !d.exists(name):
		op = DiskOp{Name: "create", Path: name}
	case flag&writeFlags != 0:
		op = DiskOp{Name: "open to write", Path: name}
	}
	var f atomicfile.File
	err := d.do(op, func() (err error) {
		f, err = d.open(name, flag, perm)
		return err
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f, nil
}

// exists reports whether the disk has the name.
func (d *Disk) exists(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name] != nil
}

// open opens or creates a file; its error is the bare error number.
func (d *Disk) open(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	n := d.names[name]
	switch {
	case n != nil && flag&os.O_EXCL != 0:
		return nil, syscall.EEXIST
	case n == nil && flag&os.O_CREATE == 0, n == nil && d.names[filepath.Dir(name)] == nil:
		return nil, syscall.ENOENT
	case n == nil:
		n = d.node(perm)
		d.set("", name, n)
	case n.mode.IsDir() && flag&writeFlags != 0:
		return nil, syscall.EISDIR
	}
	return &openFile{disk: d, node: n, name: name, appends: flag&os.O_APPEND != 0, writes: flag&writeFlags != 0}, nil
}

// Lstat does not call Around.
func (d *Disk) Lstat(name string) (atomicfile.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[name]
	if n == nil {
		return atomicfile.Info{}, &fs.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
	}
	return n.info(), nil
}

// info describes a node as Lstat and Stat do.
func (n *node) info() atomicfile.Info {
	return atomicfile.Info{Mode: n.mode, Size: int64(len(n.data)), ModTime: n.mtime, ID: atomicfile.FileID{Dev: 1, Ino: n.ino}, Links: 1, UID: -1, GID: -1}
}

// Readlink always fails: the disk has no links.
func (d *Disk) Readlink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
}

// Rename is the operation "rename".
func (d *Disk) Rename(from, to string) error {
	err := d.do(DiskOp{Name: "rename", Path: to}, func() error {
		n := d.names[from]
		if n == nil {
			return syscall.ENOENT
		}
		d.set(from, to, n)
		return nil
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Exchange is the operation "exchange" on the second name.
func (d *Disk) Exchange(a, b string) error {
	err := d.do(DiskOp{Name: "exchange", Path: b}, func() error {
		x, y := d.names[a], d.names[b]
		if x == nil || y == nil {
			return syscall.ENOENT
		}
		d.names[a], d.names[b] = y, x
		d.pending = append(d.pending, change{a, b, x, y})
		return nil
	})
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}

// Remove is the operation "remove". It does not call Around for a name that does
// not exist, because that changes nothing.
func (d *Disk) Remove(name string) error {
	if !d.exists(name) {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOENT}
	}
	return pathError("remove", name, d.do(DiskOp{Name: "remove", Path: name}, func() error {
		d.set(name, "", d.names[name])
		return nil
	}))
}

// Mkdir is the operation "mkdir".
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	return pathError("mkdir", name, d.do(DiskOp{Name: "mkdir", Path: name}, func() error {
		if d.names[name] != nil {
			return syscall.EEXIST
		}
		d.set("", name, d.node(fs.ModeDir|perm))
		return nil
	}))
}

// ReadDir is the operation "list".
func (d *Disk) ReadDir(name string) ([]string, error) {
	var names []string
	err := d.do(DiskOp{Name: "list", Path: name, Read: true}, func() error {
		if d.names[filepath.Clean(name)] == nil {
			return syscall.ENOENT
		}
		for path := range d.names {
			if filepath.Dir(path) == filepath.Clean(name) && path != filepath.Clean(name) {
				names = append(names, filepath.Base(path))
			}
		}
		return nil
	})
	return names, pathError("open", name, err)
}

// SyncDir is the operation "sync dir".
func (d *Disk) SyncDir(name string) error {
	return pathError("sync", name, d.do(DiskOp{Name: "sync dir", Path: name}, func() error {
		if d.names[filepath.Clean(name)] == nil {
			return syscall.ENOENT
		}
		left := d.pending[:0:0]
		for _, c := range d.pending {
			if c.dir() == filepath.Clean(name) {
				c.applyTo(d.kept)
			} else {
				left = append(left, c)
			}
		}
		d.pending = left
		return nil
	}))
}

// CopyMeta is the operation "copy meta". It copies the mode, which is all that
// there is, and which a power failure does not take back.
func (d *Disk) CopyMeta(from, to atomicfile.File) error {
	f := to.(*openFile)
	return pathError("chmod", f.name, d.do(DiskOp{Name: "copy meta", Path: f.name}, func() error {
		f.node.mode = from.(*openFile).node.mode
		return nil
	}))
}

// TryLock does not call Around and creates no file.
func (d *Disk) TryLock(name string) (unlock func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked[name] {
		return nil, atomicfile.ErrLocked
	}
	d.locked[name] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locked, name)
	}, nil
}

// LockReach returns ReachMachine: only one machine has the disk.
func (d *Disk) LockReach(string) atomicfile.Reach { return atomicfile.ReachMachine }

// Euid returns -1: files have no owner.
func (d *Disk) Euid() int { return -1 }

// Writers returns WritersUnknown: files have no owner.
func (d *Disk) Writers(string, atomicfile.Info) atomicfile.Writers { return atomicfile.WritersUnknown }

// pathError wraps err, and returns nil for nil.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
