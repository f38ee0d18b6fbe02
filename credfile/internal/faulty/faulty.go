// Package faulty is a file system for tests that asks before every call, so
// that a test can refuse, tear or stop at the Nth one, or act between two.
package faulty

import (
	"errors"
	"fmt"
	"io/fs"

	"keyd/credfile/atomicfile"
)

// Call is one system call about to be made.
type Call struct {
	Op   string // the method's name: "Rename", "WriteAt", ...
	Name string // of the file; the new name of a rename, the second of an exchange
	Off  int64  // of WriteAt
	Data []byte // of Write and WriteAt
}

// Changes reports whether the call may change what is on the disk.
func (c Call) Changes() bool {
	switch c.Op {
	case "Lstat", "Readlink", "ReadDir", "ReadAt", "Stat", "Euid", "BeingWritten":
		return false
	}
	return true
}

// Sys is another Sys with a question before each call.
type Sys struct {
	atomicfile.Sys
	// Ask returns the error with which the call fails, or nil. A *Short makes
	// a write write a part. It may also panic: the process dies there, and the
	// test calls Die.
	Ask func(Call) error
	// Fast leaves out the real syncs, of which a test may need thousands.
	Fast bool

	open map[*file]bool
}

// Die closes the open files of a process that a panic of Ask ended.
func (s *Sys) Die() {
	for f := range s.open {
		f.File.Close()
	}
}

// Short lets a write write half of its bytes and then fail with Err.
type Short struct{ Err error }

func (s *Short) Error() string { return fmt.Sprintf("short write: %v", s.Err) }

// Unwrap returns Err.
func (s *Short) Unwrap() error { return s.Err }

func (s *Sys) path(op, name string) error {
	if err := s.Ask(Call{Op: op, Name: name}); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// OpenFile asks and opens.
func (s *Sys) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	if err := s.path("OpenFile", name); err != nil {
		return nil, err
	}
	f, err := s.Sys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		s.open = map[*file]bool{}
	}
	opened := &file{f, s, name}
	s.open[opened] = true
	return opened, nil
}

// Lstat asks and looks.
func (s *Sys) Lstat(name string) (atomicfile.Info, error) {
	if err := s.path("Lstat", name); err != nil {
		return atomicfile.Info{}, err
	}
	return s.Sys.Lstat(name)
}

// Readlink asks and reads.
func (s *Sys) Readlink(name string) (string, error) {
	if err := s.path("Readlink", name); err != nil {
		return "", err
	}
	return s.Sys.Readlink(name)
}

// Rename asks and renames.
func (s *Sys) Rename(from, to string) error {
	if err := s.path("Rename", to); err != nil {
		return err
	}
	return s.Sys.Rename(from, to)
}

// Exchange asks and exchanges.
func (s *Sys) Exchange(a, b string) error {
	if err := s.path("Exchange", b); err != nil {
		return err
	}
	return s.Sys.Exchange(a, b)
}

// Remove asks and removes.
func (s *Sys) Remove(name string) error {
	if err := s.path("Remove", name); err != nil {
		return err
	}
	return s.Sys.Remove(name)
}

// Mkdir asks and makes.
func (s *Sys) Mkdir(name string, perm fs.FileMode) error {
	if err := s.path("Mkdir", name); err != nil {
		return err
	}
	return s.Sys.Mkdir(name, perm)
}

// ReadDir asks and reads.
func (s *Sys) ReadDir(name string) ([]string, error) {
	if err := s.path("ReadDir", name); err != nil {
		return nil, err
	}
	return s.Sys.ReadDir(name)
}

// SyncDir asks and syncs.
func (s *Sys) SyncDir(name string) error {
	if err := s.path("SyncDir", name); err != nil {
		return err
	}
	if s.Fast {
		return nil
	}
	return s.Sys.SyncDir(name)
}

// CopyMeta asks and copies.
func (s *Sys) CopyMeta(from, to atomicfile.File) error {
	if err := s.path("CopyMeta", to.(*file).name); err != nil {
		return err
	}
	return s.Sys.CopyMeta(from.(*file).File, to.(*file).File)
}

type file struct {
	atomicfile.File
	sys  *Sys
	name string
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.sys.path("ReadAt", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *file) Write(p []byte) (int, error) {
	err := f.sys.Ask(Call{Op: "Write", Name: f.name, Data: p})
	return f.write(p, err, f.File.Write)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	err := f.sys.Ask(Call{Op: "WriteAt", Name: f.name, Off: off, Data: p})
	return f.write(p, err, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
}

func (f *file) write(p []byte, err error, write func([]byte) (int, error)) (int, error) {
	if err == nil {
		return write(p)
	}
	n := 0
	if _, ok := errors.AsType[*Short](err); ok {
		n, _ = write(p[:len(p)/2])
	}
	return n, &fs.PathError{Op: "write", Path: f.name, Err: err}
}

func (f *file) Stat() (atomicfile.Info, error) {
	if err := f.sys.path("Stat", f.name); err != nil {
		return atomicfile.Info{}, err
	}
	return f.File.Stat()
}

func (f *file) Sync() error {
	if err := f.sys.path("Sync", f.name); err != nil {
		return err
	}
	if f.sys.Fast {
		return nil
	}
	return f.File.Sync()
}

func (f *file) Truncate(size int64) error {
	if err := f.sys.path("Truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *file) Chmod(mode fs.FileMode) error {
	if err := f.sys.path("Chmod", f.name); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

// Close closes in any case, as close(2) does, and then asks.
func (f *file) Close() error {
	err := f.File.Close()
	delete(f.sys.open, f)
	if asked := f.sys.path("Close", f.name); asked != nil {
		return asked
	}
	return err
}
