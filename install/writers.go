package install

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/credfile/shell"
)

// owner says to whom a file belongs and who else may write it.
type owner struct {
	uid, gid string
	mode     fs.FileMode
	// writers names the users and groups that a list of the file system allows to
	// write, in the form of setfacl: u:1001, g:100. It holds no one who has that right
	// by the mode.
	writers []string

	hasList bool // on Windows: uid is a SID, and list says who may do what
	list    []accessEntry
}

// checkWriters refuses a program that someone other than root and the user may
// replace: the service would run what they put there, with the user's keys. It follows
// every link on the way to the program, and looks at the program, at the folders that
// hold it or a link to it, and at the folders above them.
//
// Where the sticky bit is set, no one may replace what belongs to another. That is
// enough for a folder above, and not for a folder that holds the program, where
// strangers could put other files next to it.
//
// Not guaranteed: of access lists, those of Windows and the POSIX ones of Linux are
// read, and not those of macOS and of NFS.
func (h *Host) checkWriters(path string) error {
	sys := atomicfile.OS{}
	chain := atomicfile.LinkChain(sys, path)
	file := chain[len(chain)-1]
	holds := []string{filepath.Dir(file)}
	if dir, err := atomicfile.Resolve(sys, filepath.Dir(path)); err == nil {
		holds = append(holds, dir)
	}
	if err := h.checkOwner(file, "", true, file); err != nil {
		return err
	}
	for _, name := range slices.Backward(chain) {
		for dir := filepath.Dir(name); ; name, dir = dir, filepath.Dir(dir) {
			if err := h.checkOwner(dir, name, slices.Contains(holds, dir), file); err != nil {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

// checkOwner checks one file or folder on the way to a program. inside is the next
// name on the way, "" at the program itself. strict says that the sticky bit does not
// help.
func (h *Host) checkOwner(path, inside string, strict bool, program string) error {
	info, err := os.Stat(path)
	if err != nil {
		return wrapError(err)
	}
	o, ok := readOwner(path, info)
	if !ok {
		return nil // a drive of Windows without owners
	}
	if o.hasList {
		return h.checkList(path, o, path == program, strict, program)
	}
	if o.uid != "0" && o.uid != h.UID {
		return h.refuseOwner(path, "belongs to another user", o, program)
	}
	others := h.othersWhoWrite(o)
	if len(others) == 0 {
		return nil
	}
	if !strict && o.mode&fs.ModeSticky != 0 {
		info, err := os.Lstat(inside)
		if err != nil {
			return wrapError(err)
		}
		if in, _ := ownerOf(info); in.uid == "0" || in.uid == h.UID {
			return nil
		}
	}
	return h.refuseOwner(path, "may be written by "+strings.Join(others, " and "), o, program)
}

// checkList checks the access list of one file or folder on the way to a program.
func (h *Host) checkList(path string, o owner, isProgram, holds bool, program string) error {
	if o.uid != h.UID && !isAdministrator(o.uid) {
		return h.refuseList(path, "belongs to another user", o, program)
	}
	others := h.othersInList(o.list, isProgram, holds)
	if len(others) == 0 {
		return nil
	}
	for i, sid := range others {
		others[i] = accountName(sid)
	}
	return h.refuseList(path, "may be changed by "+strings.Join(others, " and "), o, program)
}

// refuseList refuses a program because of an access list. Access lists are inherited and
// cannot be mended by a short command, so the hint names a folder that is the user's own.
func (h *Host) refuseList(path, why string, o owner, program string) error {
	own := filepath.Join(cmp.Or(h.Getenv("LOCALAPPDATA"), h.homePath("AppData", "Local")), "Programs", "keyd")
	return refuse("copy it into a folder of your own, such as "+own+", and run keyd install there",
		"%s %s (owner %s): the service would run whatever is put there; nothing was installed", describePlace(path, program), why, accountName(o.uid))
}

// describePlace names a file or folder, and says why it matters.
func describePlace(path, program string) string {
	if path == program {
		return path
	}
	return path + ", on the way to " + filepath.Base(program) + ","
}

// othersWhoWrite names those who may write a file besides its owner and root.
func (h *Host) othersWhoWrite(o owner) []string {
	var others []string
	if o.mode&0o002 != 0 {
		others = append(others, "every user")
	}
	if o.mode&0o020 != 0 && !h.isPrivateGroup(o.gid) {
		others = append(others, "group "+groupName(o.gid))
	}
	for _, writer := range o.writers {
		kind, id, _ := strings.Cut(writer, ":")
		switch {
		case kind == "u" && id != "0" && id != h.UID:
			others = append(others, "user "+userName(id))
		case kind == "g" && !h.isPrivateGroup(id):
			others = append(others, "group "+groupName(id))
		}
	}
	return others
}

// refuseOwner refuses a program because of one file or folder on the way to it. The
// hint takes away rights, and never gives any.
func (h *Host) refuseOwner(path, why string, o owner, program string) error {
	hint := h.chmodCommand(path, o)
	if hint == "" {
		copied := h.homePath(".local", "bin", programName(h.GOOS))
		hint = fmt.Sprintf("mkdir -p %s && cp %s %[3]s && %[3]s install", shell.Quote(filepath.Dir(copied)), shell.Quote(program), shell.Quote(copied))
	}
	return refuse(hint, "%s %s (owner %s, group %s, mode %s): the service would run whatever is put there; nothing was installed",
		describePlace(path, program), why, userName(o.uid), groupName(o.gid), atomicfile.FormatMode(o.mode))
}

// chmodCommand returns the command that leaves the right to write a file to its owner,
// "" when that is not for this user to decide, or not possible.
func (h *Host) chmodCommand(path string, o owner) string {
	sudo := ""
	switch {
	case o.uid != "0" && o.uid != h.UID, ignoresModes(path):
		return ""
	case o.uid != h.UID:
		sudo = "sudo "
	}
	var commands []string
	for _, writer := range o.writers {
		commands = append(commands, sudo+"setfacl -x "+writer+" "+shell.Quote(path))
	}
	who := ""
	if o.mode&0o020 != 0 && !h.isPrivateGroup(o.gid) {
		who = "g"
	}
	if o.mode&0o002 != 0 {
		who += "o"
	}
	if who != "" {
		commands = append(commands, sudo+"chmod "+who+"-w "+shell.Quote(path))
	}
	return strings.Join(commands, " && ")
}

// userName returns the name of a user, or the id of one that has none.
func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}

// groupName returns the name of a group, or the id of one that has none.
func groupName(gid string) string {
	if g, err := user.LookupGroupId(gid); err == nil {
		return g.Name
	}
	return gid
}

// accountName returns the name of a user or a group of Windows, or the SID of one that
// has no name.
func accountName(sid string) string {
	if name := userName(sid); name != sid {
		return name
	}
	return groupName(sid)
}
