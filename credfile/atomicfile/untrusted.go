package atomicfile

import (
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
)

// Untrusted is the error for a file that keyd does not believe: another user owns it, or
// may change it. Nothing was changed.
type Untrusted struct {
	Path    string // absolute name of what is to blame: the file, a folder above it, or a link on the way
	Of      string // the path that was asked for
	Info    Info   // of Path
	Euid    int    // the user of this process
	Writers Writers

	isHome  bool // Path is the home folder
	inHome  bool // Path is below the home folder
	foreign bool // the owner is to blame
	parent  bool // Path is a folder or a link on the way to Of
	locked  bool // this user cannot use the folder at all
}

// IsForeign reports whether the owner is to blame, and not the mode. The owner is
// Info.UID.
func (u *Untrusted) IsForeign() bool { return u.foreign }

// Error names the file, its owner and its mode.
func (u *Untrusted) Error() string {
	owner, mode := nameUser(u.Info.UID), FormatMode(u.Info.Mode)
	what := u.Path
	if u.parent && u.Of != u.Path {
		what += ", on the way to " + u.Of + ","
	}
	switch {
	case u.locked:
		return fmt.Sprintf("%s belongs to %s and has mode %s, and keyd, which runs as %s, cannot write there; it was left as it is", what, owner, mode, nameUser(u.Euid))
	case u.foreign:
		return fmt.Sprintf("%s belongs to %s and has mode %s, and keyd runs as %s; it was left as it is", what, owner, mode, nameUser(u.Euid))
	case u.Writers == WritersAll:
		return fmt.Sprintf("%s may be written by every user: it belongs to %s and has mode %s; it was left as it is", what, owner, mode)
	}
	return fmt.Sprintf("%s may be written by other users: it belongs to %s and %s and has mode %s; it was left as it is", what, owner, nameGroup(u.Info.GID), mode)
}

// ownFolder is the advice for a place that serves others as well.
const ownFolder = "let keyd use a folder of your own"

// Repair returns the command that makes the file trustworthy, without the path, which
// follows as its last operand. Another advice, or a condition, may precede the command.
// operand is "" where there is no command that harms no one.
//
// A folder outside the home folder may serve others. The sticky bit takes no right from
// them but that to remove what is not theirs, whereas /tmp without write permission, or
// with another owner, would be of no use to anyone.
func (u *Untrusted) Repair() (words, operand string) {
	if u.foreign {
		return u.repairOwner()
	}
	sudo, within := u.sudo(), u.inHome || u.isHome
	switch {
	case u.parent && within, !u.Info.Mode.IsDir(), within && u.Info.Mode&fs.ModeSticky == 0:
		return sudo + "chmod go-w", u.Path
	case u.Info.Mode&fs.ModeSticky != 0:
		return ownFolder, ""
	case u.parent:
		return ownFolder + ", or: " + sudo + "chmod +t", u.Path
	}
	return ownFolder + ", or: " + sudo + "chmod go-w", u.Path
}

// repairOwner is Repair when the owner is to blame.
func (u *Untrusted) repairOwner() (words, operand string) {
	sudo, me := u.sudo(), strconv.Itoa(u.Euid)
	switch {
	case u.isHome && u.Info.UID == 0:
		return "set HOME to your own home folder", ""
	case u.isHome:
		return "run keyd as " + nameUser(u.Info.UID) + ", or set HOME to your own home folder", ""
	case !u.inHome && u.Info.UID > 0:
		return "run keyd as " + nameUser(u.Info.UID) + ", or " + ownFolder, ""
	case !u.inHome:
		return ownFolder, ""
	case u.Info.Mode&fs.ModeSymlink != 0:
		return "if it is yours: " + sudo + "chown -h " + me, u.Path
	case u.Info.UID == 0:
		return sudo + "chown -R " + me, u.Path
	case u.Info.Mode.IsDir():
		return "if everything in it is yours: " + sudo + "chown -R " + me, u.Path
	}
	return "if it is yours: " + sudo + "chown " + me, u.Path
}

// sudo returns the start of a command that changes the file.
func (u *Untrusted) sudo() string {
	if u.Euid != 0 && u.Info.UID != u.Euid {
		return "sudo "
	}
	return ""
}

// FormatMode returns a mode as chmod takes it: "0775", "1777".
func FormatMode(mode fs.FileMode) string {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSticky: 0o1000, fs.ModeSetgid: 0o2000, fs.ModeSetuid: 0o4000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}

// nameUser returns a name and the id of a user: "user 1000 (alice)".
func nameUser(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("user %d (%s)", uid, u.Username)
	}
	return fmt.Sprintf("user %d", uid)
}

// nameGroup returns a name and the id of a group: "group 100 (users)".
func nameGroup(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return fmt.Sprintf("group %d (%s)", gid, g.Name)
	}
	return fmt.Sprintf("group %d", gid)
}
