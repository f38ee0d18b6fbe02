package atomicfile

import (
	"io"
	"io/fs"
	"time"
)

// Sys is every system call that keyd makes on a file whose bytes matter. OS implements it
// for the real file system; package atomicfiletest implements it for tests, which lose,
// tear or refuse the Nth call. Errors have the types that package os returns.
type Sys interface {
	// OpenFile opens name itself: it does not follow a symbolic link and does not
	// wait for the other end of a FIFO. A file that it creates is durable after
	// File.Sync and SyncDir of its directory.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Lstat describes name itself and does not follow a symbolic link. Info.ID may
	// be zero; the ID that File.Stat returns is set.
	Lstat(name string) (Info, error)
	// Readlink returns the target of a symbolic link as it is stored, relative or
	// absolute.
	Readlink(name string) (string, error)
	// Rename atomically gives the file from the name to, and replaces a file that
	// has that name. It is durable after SyncDir.
	Rename(from, to string) error
	// Exchange exchanges the files of two names in one directory, in one step. Both
	// names must exist. Exchange changes nothing and returns ErrNoExchange where the
	// system, the file system or a sandbox lacks or forbids such a call. After
	// SyncDir the exchange is durable; before, a power failure leaves either both
	// names exchanged or neither.
	Exchange(a, b string) error
	// Remove removes a file. The removal is durable after SyncDir.
	Remove(name string) error
	// Mkdir creates one directory. It is durable after SyncDir of its parent.
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir returns the names in a directory, in no particular order.
	ReadDir(name string) ([]string, error)
	// SyncDir makes durable what was created, renamed and removed in a directory, as
	// far as the file system can.
	SyncDir(name string) error
	// CopyMeta copies the owner, mode, extended attributes and access list of from
	// to the file to, as far as this process may. When something cannot be copied,
	// the file to gives other users fewer rights, never more.
	CopyMeta(from, to File) error
	// TryLock takes the lock that the file name stands for, and creates a missing
	// file with mode 0600. It returns ErrLocked when another process, or another
	// part of this one, holds the lock. The system releases the lock when the process
	// ends, however it ends.
	TryLock(name string) (unlock func(), err error)
	// LockReach returns whom the locks of a directory, which must exist, can exclude.
	LockReach(dir string) Reach
	// Euid returns the effective user id of this process, or -1 where files have no
	// numeric owner.
	Euid() int
	// Writers returns who besides the owner may write the file name, which info
	// describes.
	Writers(name string, info Info) Writers
}

// File is an open file of a Sys. It stays the same file when another one takes its name.
type File interface {
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	Stat() (Info, error)
	Sync() error // makes the bytes and the size durable, not the name
	Truncate(size int64) error
	Chmod(mode fs.FileMode) error
	// BeingWritten reports whether any process has this file open for writing. It
	// returns false where the system cannot report that, and on some network file
	// systems it always returns true. It is therefore a reason to wait for a moment,
	// never to refuse a file.
	BeingWritten() bool
}

// Info describes a file, as far as a replacement needs to know it.
type Info struct {
	Mode    fs.FileMode
	Size    int64 // bytes
	ModTime time.Time
	ID      FileID
	Links   uint64 // names of this file; 1 where unknown
	UID     int    // owner; -1 where files have none, or where the system does not tell
	GID     int    // group; -1 where files have none
	Mount   bool   // a file is mounted on this very name, so that no rename can replace it
}

// FileID identifies a file independently of its names: by device and inode or, on
// Windows, by volume and file index.
type FileID struct{ Dev, Ino uint64 }

// sameState reports whether two descriptions are of the same file with the same size and
// time, which means that nothing was written between them. Two writes within one tick of
// the clock of the file system that leave the size unchanged are not noticed, which is
// why Read waits for settleTime.
func (a Info) sameState(b Info) bool {
	return a.ID == b.ID && a.Size == b.Size && a.ModTime.Equal(b.ModTime)
}
