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

// Writable does everything of a replacement that can be refused, without
// changing the file, and returns how it would be written: a file of the same
// size is created beside it, synced and removed, or the file is opened for
// writing. What cannot be done is *Refused, with the remedy. It guarantees
// nothing: a disk may fill and a mode may change a moment later.
func (o *Original) Writable() (Way, error) {
	way, err := o.writable()
	if err != nil {
		return Nowhere, o.about("write to", err)
	}
	return way, nil
}

func (o *Original) writable() (Way, error) {
	info, err := o.sys.Lstat(o.Real)
	if err != nil {
		return Nowhere, err
	}
	if err := o.owned(info); err != nil {
		return Nowhere, err
	}
	opened := o.openable()
	if fixed(info) || fixed(o.Info) {
		return InPlace, o.refusal(opened)
	}
	if errors.Is(opened, syscall.EPERM) || opened != nil && runtime.GOOS == "windows" {
		return Nowhere, o.unwritable(opened) // no rename replaces an immutable or read-only one
	}
	err = o.tryTemp()
	if forbidden(err) {
		return InPlace, o.refusal(opened)
	}
	return Renamed, err
}

func (o *Original) refusal(opened error) error {
	if opened == nil {
		return nil
	}
	return o.unwritable(opened)
}

// owned refuses a file of somebody else: the new one would be ours.
func (o *Original) owned(info Info) error {
	if euid := o.sys.Euid(); euid >= 0 && info.UID >= 0 && info.UID != euid {
		return &Refused{Path: o.Path, Why: fmt.Sprintf("belongs to user %d, not to %d, who runs keyd", info.UID, euid),
			Remedy: "run keyd as its owner, or chown it"}
	}
	return nil
}

// openable opens the file for writing and writes nothing.
func (o *Original) openable() error {
	f, err := o.open(os.O_RDWR)
	if err != nil {
		return err
	}
	return f.Close()
}

// tryTemp writes as many bytes as the file has beside it, and removes them: a
// full disk or quota shows now.
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

// unwritable says why a file cannot even be written in place.
func (o *Original) unwritable(err error) error {
	switch {
	case errors.Is(err, ErrChanged):
		return err
	case errors.Is(err, syscall.EAGAIN): // somebody holds a lease on it, for moments
		return ErrBusy
	case errors.Is(err, syscall.EROFS):
		return &Refused{Path: o.Path, Err: err, Why: "stands on a read-only file system",
			Remedy: "let it be a file that you can write: a link into a Nix store or a read-only mount cannot hold a key that changes"}
	case errors.Is(err, syscall.EPERM):
		return &Refused{Path: o.Path, Err: err, Why: "is immutable", Remedy: "run chattr -i, or chflags nouchg, on " + o.Real}
	case forbidden(err):
		return &Refused{Path: o.Path, Err: err, Why: "can be written neither through its directory nor itself",
			Remedy: "run chmod u+w on it or its directory"}
	}
	return err
}

// fixed reports whether a rename would not replace the file but part its names.
func fixed(info Info) bool { return info.Mount || info.Links > 1 }

// forbidden reports whether err says that the directory takes no new file.
func forbidden(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
