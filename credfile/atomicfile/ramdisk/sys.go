package ramdisk

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"keyd/credfile/atomicfile"
)

const write = os.O_WRONLY | os.O_RDWR

// OpenFile is "open", "open to write" or, where it makes a file, "create".
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	op := Op{Name: "open", Path: name, Read: true}
	switch {
	case flag&os.O_CREATE != 0 && d.names[name] == nil:
		op = Op{Name: "create", Path: name}
	case flag&write != 0:
		op = Op{Name: "open to write", Path: name}
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
	case n.mode.IsDir() && flag&write != 0:
		return nil, syscall.EISDIR
	}
	return &file{disk: d, node: n, name: name, appends: flag&os.O_APPEND != 0, writes: flag&write != 0}, nil
}

// Lstat asks nobody.
func (d *Disk) Lstat(name string) (atomicfile.Info, error) {
	n := d.names[name]
	if n == nil {
		return atomicfile.Info{}, &fs.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
	}
	return n.info(), nil
}

func (n *node) info() atomicfile.Info {
	return atomicfile.Info{Mode: n.mode, Size: int64(len(n.data)), ModTime: n.mtime, ID: atomicfile.FileID{Dev: 1, Ino: n.ino}, Links: 1, UID: -1}
}

// Readlink fails: there are no links.
func (d *Disk) Readlink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
}

// Rename is "rename".
func (d *Disk) Rename(from, to string) error {
	err := d.do(Op{Name: "rename", Path: to}, func() error {
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

// Exchange is "exchange", of the second name.
func (d *Disk) Exchange(a, b string) error {
	err := d.do(Op{Name: "exchange", Path: b}, func() error {
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

// Remove is "remove".
func (d *Disk) Remove(name string) error {
	if d.names[name] == nil { // changes nothing, so nothing asks
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOENT}
	}
	return pathError("remove", name, d.do(Op{Name: "remove", Path: name}, func() error {
		d.set(name, "", d.names[name])
		return nil
	}))
}

// Mkdir is "mkdir".
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	return pathError("mkdir", name, d.do(Op{Name: "mkdir", Path: name}, func() error {
		if d.names[name] != nil {
			return syscall.EEXIST
		}
		d.set("", name, d.node(fs.ModeDir|perm))
		return nil
	}))
}

// ReadDir is "list".
func (d *Disk) ReadDir(name string) ([]string, error) {
	var names []string
	err := d.do(Op{Name: "list", Path: name, Read: true}, func() error {
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

// SyncDir is "sync dir".
func (d *Disk) SyncDir(name string) error {
	return pathError("sync", name, d.do(Op{Name: "sync dir", Path: name}, func() error {
		if d.names[filepath.Clean(name)] == nil {
			return syscall.ENOENT
		}
		left := d.pending[:0:0]
		for _, c := range d.pending {
			if c.dir() == filepath.Clean(name) {
				c.keep(d.kept)
			} else {
				left = append(left, c)
			}
		}
		d.pending = left
		return nil
	}))
}

// CopyMeta is "copy meta". There is nothing but the mode, and it is not lost.
func (d *Disk) CopyMeta(from, to atomicfile.File) error {
	f := to.(*file)
	return pathError("chmod", f.name, d.do(Op{Name: "copy meta", Path: f.name}, func() error {
		f.node.mode = from.(*file).node.mode
		return nil
	}))
}

// TryLock asks nobody, and makes no file.
func (d *Disk) TryLock(name string) (unlock func(), err error) {
	if d.locked[name] {
		return nil, atomicfile.ErrLocked
	}
	d.locked[name] = true
	return func() { delete(d.locked, name) }, nil
}

// Euid is -1: files have no owner.
func (d *Disk) Euid() int { return -1 }

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
