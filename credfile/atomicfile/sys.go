package atomicfile

import (
	"io"
	"io/fs"
	"time"
)

// Sys is every system call that keyd makes on a file whose bytes matter. The
// real one is OS; a test puts one in its place that loses, tears or refuses
// the Nth call. Errors are those of package os.
type Sys interface {
	// OpenFile opens name itself, never what a symbolic link points to, and
	// never waits for a FIFO. A file that it creates is durable after
	// File.Sync and SyncDir of its directory.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Lstat describes name itself. ID may be zero; that of File.Stat is not.
	Lstat(name string) (Info, error)
	// Readlink returns what the link says, relative or absolute.
	Readlink(name string) (string, error)
	// Rename replaces to atomically. Durable after SyncDir.
	Rename(from, to string) error
	// Exchange gives each of two names in one directory the other's file, in
	// one step. Both must exist. It changes nothing and says ErrNoExchange
	// where the system, the file system or a sandbox has no such call, or does
	// not allow it. Durable after SyncDir: both names or none.
	Exchange(a, b string) error
	// Remove removes a file. Durable after SyncDir.
	Remove(name string) error
	// Mkdir makes one directory. Durable after SyncDir of its parent.
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir returns the names in a directory, in no particular order.
	ReadDir(name string) ([]string, error)
	// SyncDir makes what was created, renamed and removed in a directory
	// durable, as far as the file system knows how.
	SyncDir(name string) error
	// CopyMeta gives to the owner, mode, extended attributes and access list
	// of from, as far as this process may. What cannot be copied makes to
	// narrower, never wider.
	CopyMeta(from, to File) error
	// TryLock takes the lock that the file name stands for, and creates it with
	// mode 0600 when it is missing; ErrLocked when somebody else has it, another
	// part of this process included. It goes with the process, however that ends.
	TryLock(name string) (unlock func(), err error)
	// Euid returns the user that this process acts as, -1 where files have no
	// such owner.
	Euid() int
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	Stat() (Info, error)
	Sync() error // makes the bytes and the size durable, not the name
	Truncate(size int64) error
	Chmod(mode fs.FileMode) error
	// BeingWritten reports whether anybody has this file open for writing. It
	// is false where the system cannot tell, and some network file systems
	// say true for ever: it is a reason to wait a little, never to refuse.
	BeingWritten() bool
}

// Info is what matters of a file.
type Info struct {
	Mode    fs.FileMode
	Size    int64 // bytes
	ModTime time.Time
	ID      FileID
	Links   uint64 // names of this file; 1 where unknown
	UID     int    // owner; -1 where files have none
	Mount   bool   // something is mounted on this very name: no rename replaces it
}

// FileID tells files apart whatever their names: device and inode, or volume
// and file index.
type FileID struct{ Dev, Ino uint64 }

// unmoved reports whether nothing was written between two looks at one file.
// Two writes within one tick of the file system's clock that leave the size
// alone go unseen, hence the settling time of Read.
func (a Info) unmoved(b Info) bool {
	return a.ID == b.ID && a.Size == b.Size && a.ModTime.Equal(b.ModTime)
}
