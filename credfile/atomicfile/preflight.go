package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// CheckWritable tries every part of a replacement that can be refused, without changing the
// file, and returns the way in which it would be written. It creates a file of the same
// size next to it, syncs that file and removes it, or it opens the file for writing. An
// error that a person can resolve is a *Refused with a remedy. Writable guarantees
// nothing: a moment later a disk may fill up and a mode may change.
func (o *Original) CheckWritable() (Way, error) {
	way, err := o.tryWay()
	if err != nil {
		return NotWritten, o.wrapPath("write to", err)
	}
	return way, nil
}

// CheckWhole tries every part of ReplaceWhole that can be refused, as CheckWritable does for
// Replace.
func (o *Original) CheckWhole() error {
	way, err := o.CheckWritable()
	if way == InPlace {
		return o.refuseInPlace()
	}
	return err
}

// refuseInPlace returns the error for a file that no rename can replace.
func (o *Original) refuseInPlace() error {
	r := &Refused{Path: o.Path, Why: "can only be written in place, because its folder accepts no new file: a crash could leave it half written",
		Remedy: "run chmod u+w on " + filepath.Dir(o.Real)}
	info, err := o.sys.Lstat(o.Real)
	switch {
	case err != nil:
	case info.Mount:
		r.Why, r.Remedy = "is a mount of its own and can only be written in place: a crash could leave it half written", "mount its folder instead"
	case info.Links > 1:
		r.Why, r.Remedy = fmt.Sprintf("has %d names (hard links) and can only be written in place: a crash could leave it half written", info.Links), "replace the other names by symbolic links to it"
	}
	return r
}

func (o *Original) tryWay() (Way, error) {
	info, err := o.sys.Lstat(o.Real)
	if err != nil {
		return NotWritten, err
	}
	if err := o.checkOwner(info); err != nil {
		return NotWritten, err
	}
	opened := o.tryOpen()
	if cannotRename(info) || cannotRename(o.Info) {
		return InPlace, o.explainInPlace(opened)
	}
	if errors.Is(opened, syscall.EPERM) || opened != nil && runtime.GOOS == "windows" {
		return NotWritten, o.explainInPlace(opened) // a rename cannot replace an immutable or read-only file either
	}
	err = o.tryTemp()
	if isForbidden(err) {
		return InPlace, o.explainInPlace(opened)
	}
	return Renamed, err
}

// checkOwner refuses a file of another user: its replacement would belong to this one.
func (o *Original) checkOwner(info Info) error {
	if euid := o.sys.Euid(); euid >= 0 && info.UID >= 0 && info.UID != euid {
		return &Refused{Path: o.Path, Why: fmt.Sprintf("belongs to user %d, and keyd runs as user %d", info.UID, euid),
			Remedy: "run keyd as its owner, or chown it"}
	}
	return nil
}

// tryOpen opens the file for writing and writes nothing.
func (o *Original) tryOpen() error {
	f, err := o.openTarget(os.O_RDWR)
	if err != nil {
		return err
	}
	return f.Close()
}

// tryTemp writes one byte more than the file has into a new file next to it and removes
// that file, so that a full disk or quota is noticed now.
func (o *Original) tryTemp() error {
	name, err := writeTemp(o.sys, o.Real, make([]byte, len(o.Data)+1), 0o600)
	if err != nil {
		return err
	}
	if err := o.sys.Remove(name); err != nil {
		return err
	}
	return o.sys.SyncDir(filepath.Dir(o.Real))
}

// cannotRename reports whether a rename would fail or would separate the names of the
// file instead of replacing it.
func cannotRename(info Info) bool { return info.Mount || info.Links > 1 }

// isForbidden reports whether err means that the directory accepts no new file.
func isForbidden(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// explainInPlace explains why a file could not be opened for writing in place, as a
// *Refused where a person can resolve it. It returns other errors, and nil, as they are.
func (o *Original) explainInPlace(err error) error {
	switch {
	case errors.Is(err, ErrChanged):
		return err
	case errors.Is(err, syscall.EAGAIN): // another program holds a lease on it, which lasts only moments
		return ErrBusy
	case errors.Is(err, syscall.EROFS):
		return &Refused{Path: o.Path, Err: err, Why: "is on a read-only file system",
			Remedy: "use a file that you can write: a link into a Nix store or a read-only mount cannot hold a key that changes"}
	case errors.Is(err, syscall.EPERM):
		return &Refused{Path: o.Path, Err: err, Why: "is immutable", Remedy: "run chattr -i, or chflags nouchg, on " + o.Real}
	case isForbidden(err):
		return &Refused{Path: o.Path, Err: err, Why: "is not writable, and its directory accepts no new file",
			Remedy: "run chmod u+w on it or its directory"}
	}
	return err
}
