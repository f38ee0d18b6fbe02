package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrBusy means that another program was writing the file during every attempt. The
// caller learns nothing about the contents, and must not conclude that something is
// missing from the file.
var ErrBusy = errors.New("another program is writing the file; it was left as it is")

// errEmpty is ErrBusy for a file that stays empty: another program may have truncated it, and
// may or may not be about to write it.
var errEmpty error = emptyError{}

type emptyError struct{}

func (emptyError) Error() string {
	return "the file is empty, or another program is about to write it; it was left as it is"
}

// Unwrap returns ErrBusy.
func (emptyError) Unwrap() error { return ErrBusy }

// Hint says when keyd takes the file for an empty one.
func (emptyError) Hint() string {
	return "try again in a minute: a file that stays empty for so long is believed to be empty"
}

// ErrChanged means that the file is no longer the one that was read. Nothing was written,
// unless Written.Way says so. The caller has to read the file again.
var ErrChanged = errors.New("the file changed since it was read; it was left as it is")

// ErrLocked means that another keyd held the lock during every attempt.
var ErrLocked = errors.New("another keyd has the lock")

// ErrNoExchange means that the system or the file system cannot exchange two names; see
// Sys.Exchange. Nothing was changed.
var ErrNoExchange = errors.New("the names of two files cannot be exchanged here")

// Refused is the error for a file that keyd cannot read or write in its present state. It
// includes what the owner can do. Nothing was changed.
type Refused struct {
	Path   string // as the caller passed it
	Why    string // a predicate that follows Path in a sentence: "is immutable"
	Remedy string // a command or a question, or "" when there is none
	Err    error  // the error of the system, or nil
}

// Error returns the path, the reason, the error of the system and the remedy.
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

// Unwrap returns the error of the system, which may be nil.
func (r *Refused) Unwrap() error { return r.Err }

// RemedyFor returns what a person can do about a call that the system has refused: a command
// or a question. It returns "" when err comes from no such call, when there is no general
// advice, and for a *Refused, which has its own remedy.
func RemedyFor(err error) string {
	if _, ok := errors.AsType[*Refused](err); ok {
		return ""
	}
	path := refusedPath(err)
	switch {
	case path == "":
		return ""
	case isDiskFull(err):
		return roomRemedy(path)
	case isOverQuota(err):
		return "remove some of your files on the disk of " + path + ", where your quota is used up"
	case errors.Is(err, syscall.EROFS):
		return "make the disk of " + path + " writable again"
	case errors.Is(err, syscall.EIO):
		return "back up what is on the disk of " + path + ", which is failing, and read the log of the system"
	}
	return ""
}

// RepairAccess returns the command that gives this user access to the file or folder that
// the system has refused, without the path, which follows as its last operand; "" when err
// is another one, or when no command harms nobody: what belongs to somebody else may not be
// this user's at all.
func RepairAccess(err error) (words, operand string) {
	if !errors.Is(err, fs.ErrPermission) {
		return "", ""
	}
	path := refusedPath(err)
	if path == "" || !filepath.IsAbs(path) {
		return "", ""
	}
	for at := path; ; at = filepath.Dir(at) {
		info, err := OS{}.Lstat(at)
		last := at == filepath.Dir(at)
		switch {
		case err != nil && !last:
			continue
		case err != nil, info.UID < 0: // access lists
			return "show who may do it: ls -ld", path
		case info.UID == os.Geteuid() && info.Mode.IsDir() && info.Mode.Perm()&0o700 != 0o700:
			return "chmod u+rwx", at
		case info.UID == os.Geteuid() && !info.Mode.IsDir() && info.Mode.Perm()&0o600 != 0o600:
			return "chmod u+rw", at
		case info.UID == 0 && isBelowHome(at):
			return "sudo chown -R " + strconv.Itoa(os.Geteuid()), at
		case info.UID != os.Geteuid() || last:
			return "show who may do it: ls -ld", path
		}
	}
}

// isBelowHome reports whether path is in this user's home folder.
func isBelowHome(path string) bool {
	home, err := os.UserHomeDir()
	if err != nil || len(home) < 2 {
		return false
	}
	within, err := filepath.Rel(home, path)
	return err == nil && within != "." && within != ".." && !strings.HasPrefix(within, ".."+string(filepath.Separator))
}

// refusedPath returns the path in the first error of the chain that has one.
func refusedPath(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Path
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		return at.New
	}
	return ""
}
