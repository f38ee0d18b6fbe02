// Package atomicfile is the seam between keyd and the file system: the stable
// read and the atomic, durable replacement of a file whose loss would lock its
// owner out.
package atomicfile

import (
	"io"
	"io/fs"
)

// Sys is every system call that keyd makes on a file whose bytes matter. The
// real one is OS; a test puts one in its place that loses, tears or refuses
// the Nth call.
type Sys interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	ReadDir(name string) ([]fs.DirEntry, error)
	SyncDir(name string) error    // makes renames and removals in it durable
	CopyMeta(from, to File) error // owner, mode, extended attributes, ACL
}

// File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	Chmod(mode fs.FileMode) error
}
