package atomicfiletest

import (
	"io/fs"
	"sync"

	"keyd/credfile/atomicfile"
)

// Owner says whose a file is, in an Owned.
type Owner struct {
	UID, GID int
	Mode     fs.FileMode // permissions and the sticky bit; 0 keeps those of the file
}

// Owned is another file system, on which the owners and modes are what the test says, so
// that no test needs to be root. Files that Owners does not name belong to Me.
type Owned struct {
	atomicfile.Sys
	Me      int              // the user of the process
	Owners  map[string]Owner // by absolute name without links
	Private []int            // groups without another member

	mu sync.Mutex // held while Owners is used
}

// SetOwner says whose a file is from now on.
func (s *Owned) SetOwner(path string, o Owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Owners[path] = o
}

// Euid returns Me.
func (s *Owned) Euid() int { return s.Me }

// Writers judges the mode.
func (s *Owned) Writers(_ string, info atomicfile.Info) atomicfile.Writers {
	private := false
	for _, gid := range s.Private {
		private = private || gid == info.GID
	}
	switch {
	case info.Mode&0o002 != 0:
		return atomicfile.WritersAll
	case info.Mode&0o020 != 0 && !private:
		return atomicfile.WritersGroup
	}
	return atomicfile.WritersNone
}

// Lstat describes the file with its owner in the test.
func (s *Owned) Lstat(name string) (atomicfile.Info, error) {
	info, err := s.Sys.Lstat(name)
	return s.own(name, info), err
}

// OpenFile opens a file whose Stat has its owner in the test.
func (s *Owned) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := s.Sys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return ownedFile{f, s, name}, nil
}

// CopyMeta copies what the file system below copies.
func (s *Owned) CopyMeta(from, to atomicfile.File) error {
	return s.Sys.CopyMeta(from.(ownedFile).File, to.(ownedFile).File)
}

func (s *Owned) own(name string, info atomicfile.Info) atomicfile.Info {
	s.mu.Lock()
	o, named := s.Owners[name]
	s.mu.Unlock()
	if !named {
		o = Owner{UID: s.Me, GID: s.Me}
	}
	info.UID, info.GID = o.UID, o.GID
	if o.Mode != 0 {
		info.Mode = info.Mode.Type()&^fs.ModeSticky | o.Mode
	} else if info.Mode&fs.ModeSticky == 0 {
		info.Mode &^= 0o022 // as under a umask of 022, whatever that of the test is
	}
	return info
}

type ownedFile struct {
	atomicfile.File
	sys  *Owned
	name string
}

func (f ownedFile) Stat() (atomicfile.Info, error) {
	info, err := f.File.Stat()
	return f.sys.own(f.name, info), err
}
