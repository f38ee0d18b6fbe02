package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrBusy means that another program was writing the file all the time. It
// says nothing about what the file holds: never that something is gone.
var ErrBusy = errors.New("another program is writing the file; it was left as it is")

// ErrChanged means that the file is no longer the one that was read. Nothing
// was written; read it again.
var ErrChanged = errors.New("the file changed since it was read; it was left as it is")

// ErrLocked means that another keyd had the lock all the time.
var ErrLocked = errors.New("another keyd has the lock")

// ErrNoExchange means that two names cannot be exchanged here: see
// Sys.Exchange. Nothing was changed.
var ErrNoExchange = errors.New("the names of two files cannot be exchanged here")

// Refused is a file that keyd does not read or write as it stands, and what
// its owner can do about it. Nothing was changed.
type Refused struct {
	Path   string
	Why    string
	Remedy string
	Err    error // what the system said; may be nil
}

func (r *Refused) Error() string {
	s := r.Path + ": " + r.Why
	if r.Err != nil {
		s += fmt.Sprintf(" (%v)", r.Err)
	}
	if r.Remedy != "" {
		s += "; " + r.Remedy
	}
	return s
}

// Unwrap returns what the system said.
func (r *Refused) Unwrap() error { return r.Err }

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
