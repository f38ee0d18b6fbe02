package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
)

// NotSystem is the error for a file of the machine that someone other than its administrators
// may change, or could have put there.
type NotSystem struct {
	Path   string // of what is to blame: the file, a folder above it, or a link on the way
	Text   string // what is wrong with it
	Repair string // the command of an administrator that corrects it; "" when there is none
}

// Error names the file and what is wrong with it.
func (e *NotSystem) Error() string {
	return e.Path + " " + e.Text + "; a file for every user of the machine has to belong to an administrator, and no one else may write it"
}

// CheckSystem returns a *NotSystem unless path, and every folder and symbolic link on the way
// to it, belongs to root (on Windows: to the system or to administrators), and may be written
// by no one else: not by the user of this process either, and by no group but that of root.
// Folders above the folder root are not judged. Where path does not exist, only the existing
// part of the way is judged. Any other error comes from reading the way.
//
// Not judged: access lists on macOS, what file systems without modes show, and an owner that
// a user namespace hides.
func CheckSystem(sys Sys, path, root string) error {
	if sys.Euid() < 0 {
		return checkSystemList(path)
	}
	way, err := walkFrom(sys, path, root)
	for _, part := range way {
		if wrong := part.judgeSystem(sys); wrong != nil {
			return wrong
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// judgeSystem returns why the part is not the machine's, or nil.
func (s pathPart) judgeSystem(sys Sys) error {
	wrong := &NotSystem{Path: s.name}
	mode, owner := s.info.Mode, s.info.UID
	switch {
	case owner > 0:
		wrong.Text, wrong.Repair = fmt.Sprintf("belongs to %s and has mode %s", nameUser(owner), FormatMode(mode)), "chown root"
		if mode&fs.ModeSymlink != 0 {
			wrong.Repair = "chown -h root"
		}
		return wrong
	case mode&fs.ModeSymlink != 0, s.parent && mode&fs.ModeSticky != 0:
		return nil // the mode of a link means nothing; a sticky folder keeps what belongs to root
	}
	perm, group := mode.Perm(), fmt.Sprintf("may be written by %s: it has mode %s", nameGroup(s.info.GID), FormatMode(mode))
	wrong.Repair = "chmod go-w"
	switch writers := sys.Writers(s.name, s.info); {
	case perm&0o022 == 0, writers == WritersUnknown:
		return nil
	case perm&0o002 != 0:
		wrong.Text = "may be written by every user: it has mode " + FormatMode(mode)
	case s.info.GID != 0, writers == WritersGroup: // group 0 is root's, unless an access list says more
		wrong.Text = group
	default:
		return nil
	}
	return wrong
}
