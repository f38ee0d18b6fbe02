package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Remedy is what a person can do about a call that the system has refused: a
// command or a question. It is "" when err comes from no such call, and when
// nothing general helps. A *Refused says its remedy itself.
func Remedy(err error) string {
	if _, ok := errors.AsType[*Refused](err); ok {
		return ""
	}
	path := refusedPath(err)
	switch {
	case path == "":
		return ""
	case diskFull(err):
		return roomRemedy(path)
	case overQuota(err):
		return "your quota on the disk of " + path + " is used up: remove something of yours there"
	case errors.Is(err, syscall.EROFS):
		return "why is the disk of " + path + " read-only? make it writable again"
	case errors.Is(err, syscall.EIO):
		return "the disk of " + path + " fails: look into the log of the system, and save what is on it"
	case errors.Is(err, fs.ErrPermission):
		return "does " + path + " belong to you, and its folder?"
	}
	return ""
}

// refusedPath is the first path that the chain of err names.
func refusedPath(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Path
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		return at.New
	}
	return ""
}
