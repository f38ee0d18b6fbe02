package atomicfiletest

import (
	"errors"
	"fmt"
	"io/fs"

	"keyd/credfile/atomicfile"
)

// Call is a system call that a Faulty is about to make.
type Call struct {
	Op   string // the name of the method: "Rename", "WriteAt", ...
	Name string // the file; for a rename its new name, for an exchange the second name
	Off  int64  // the offset of a WriteAt
	Data []byte // the bytes of a Write and a WriteAt
}

// Changes reports whether the call can change what is on the disk. Opening and
// closing a file counts as a change.
func (c Call) Changes() bool {
	switch c.Op {
	case "Lstat", "Readlink", "ReadDir", "ReadAt", "Stat", "Euid", "BeingWritten":
		return false
	}
	return true
}

// Faulty passes calls on to another file system and asks the test before each one.
// It does not ask before TryLock, LockReach, Euid, Writers and BeingWritten.
type Faulty struct {
	atomicfile.Sys
	// Ask returns nil, or the error with which the call fails. A *ShortWrite makes
	// a write fail after half of its bytes. Ask may also panic, as if the process
	// had died there; the test then calls Die. Ask must not be nil.
	Ask func(Call) error
	// Fast skips the real syncs, of which a test may make thousands.
	Fast bool

	open map[*faultyFile]bool
}

// Die closes the files that were open when a panic in Ask ended the process.
func (s *Faulty) Die() {
	for f := range s.open {
		f.File.Close()
	}
}

// ShortWrite is an error that makes a write fail after half of its bytes.
type ShortWrite struct{ Err error }

// Error returns a text that quotes Err.
func (s *ShortWrite) Error() string { return fmt.Sprintf("short write: %v", s.Err) }

// Unwrap returns Err.
func (s *ShortWrite) Unwrap() error { return s.Err }

// askFor asks before a call that has no bytes, and wraps the error.
func (s *Faulty) askFor(op, name string) error {
	if err := s.Ask(Call{Op: op, Name: name}); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// OpenFile asks, then opens the file.
func (s *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	if err := s.askFor("OpenFile", name); err != nil {
		return nil, err
	}
	f, err := s.Sys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		s.open = map[*faultyFile]bool{}
	}
	opened := &faultyFile{f, s, name}
	s.open[opened] = true
	return opened, nil
}

// Lstat asks, then describes the file.
func (s *Faulty) Lstat(name string) (atomicfile.Info, error) {
	if err := s.askFor("Lstat", name); err != nil {
		return atomicfile.Info{}, err
	}
	return s.Sys.Lstat(name)
}

// Readlink asks, then reads the link.
func (s *Faulty) Readlink(name string) (string, error) {
	if err := s.askFor("Readlink", name); err != nil {
		return "", err
	}
	return s.Sys.Readlink(name)
}

// Rename asks, then renames the file.
func (s *Faulty) Rename(from, to string) error {
	if err := s.askFor("Rename", to); err != nil {
		return err
	}
	return s.Sys.Rename(from, to)
}

// Exchange asks, then exchanges the names.
func (s *Faulty) Exchange(a, b string) error {
	if err := s.askFor("Exchange", b); err != nil {
		return err
	}
	return s.Sys.Exchange(a, b)
}

// Remove asks, then removes the file.
func (s *Faulty) Remove(name string) error {
	if err := s.askFor("Remove", name); err != nil {
		return err
	}
	return s.Sys.Remove(name)
}

// Mkdir asks, then makes the directory.
func (s *Faulty) Mkdir(name string, perm fs.FileMode) error {
	if err := s.askFor("Mkdir", name); err != nil {
		return err
	}
	return s.Sys.Mkdir(name, perm)
}

// ReadDir asks, then reads the directory.
func (s *Faulty) ReadDir(name string) ([]string, error) {
	if err := s.askFor("ReadDir", name); err != nil {
		return nil, err
	}
	return s.Sys.ReadDir(name)
}

// SyncDir asks, then syncs the directory unless Fast is set.
func (s *Faulty) SyncDir(name string) error {
	if err := s.askFor("SyncDir", name); err != nil {
		return err
	}
	if s.Fast {
		return nil
	}
	return s.Sys.SyncDir(name)
}

// CopyMeta asks, then copies owner, mode and attributes.
func (s *Faulty) CopyMeta(from, to atomicfile.File) error {
	if err := s.askFor("CopyMeta", to.(*faultyFile).name); err != nil {
		return err
	}
	return s.Sys.CopyMeta(from.(*faultyFile).File, to.(*faultyFile).File)
}

// faultyFile is an open file that asks before each call.
type faultyFile struct {
	atomicfile.File
	sys  *Faulty
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.sys.askFor("ReadAt", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	err := f.sys.Ask(Call{Op: "Write", Name: f.name, Data: p})
	return f.writeUnless(err, p, f.File.Write)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.sys.Ask(Call{Op: "WriteAt", Name: f.name, Off: off, Data: p})
	return f.writeUnless(err, p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
}

// writeUnless writes p unless err is set; a *ShortWrite lets it write the first half.
func (f *faultyFile) writeUnless(err error, p []byte, write func([]byte) (int, error)) (int, error) {
	if err == nil {
		return write(p)
	}
	n := 0
	if _, ok := errors.AsType[*ShortWrite](err); ok {
		n, _ = write(p[:len(p)/2])
	}
	return n, &fs.PathError{Op: "write", Path: f.name, Err: err}
}

func (f *faultyFile) Stat() (atomicfile.Info, error) {
	if err := f.sys.askFor("Stat", f.name); err != nil {
		return atomicfile.Info{}, err
	}
	return f.File.Stat()
}

func (f *faultyFile) Sync() error {
	if err := f.sys.askFor("Sync", f.name); err != nil {
		return err
	}
	if f.sys.Fast {
		return nil
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.sys.askFor("Truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Chmod(mode fs.FileMode) error {
	if err := f.sys.askFor("Chmod", f.name); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

// Close closes the file, whatever the answer, as close(2) does, and then asks.
func (f *faultyFile) Close() error {
	err := f.File.Close()
	delete(f.sys.open, f)
	if asked := f.sys.askFor("Close", f.name); asked != nil {
		return asked
	}
	return err
}
