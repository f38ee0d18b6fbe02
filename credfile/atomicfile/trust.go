package atomicfile

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Writers says who besides the owner, the user of this process and root may write a file.
type Writers uint8

const (
	// WritersNone means no one.
	WritersNone Writers = iota
	// WritersGroup means the members of the file's group, or users that an access list
	// names.
	WritersGroup
	// WritersAll means every user.
	WritersAll
	// WritersUnknown means that the mode does not say it: the file system keeps no
	// modes, or the system has access lists instead.
	WritersUnknown
)

// CheckTrust returns an *Untrusted unless path, and every folder and symbolic link on the
// way to it, belongs to the user of this process or to root, and may be written by no one
// else. A folder above path that others may write is accepted if it has the sticky bit,
// as /tmp has: no one can then replace what belongs to someone else in it. When the way
// leads through home, the folders above home are not judged: their owners control the
// user anyway. home may be "". Where path does not exist, only the existing part of the
// way is judged. Any other error comes from reading the way, as without permission.
//
// The rules are those of sshd for authorized_keys and of ssh for its config file. Both
// refuse the mode bits 022 (safe_path in misc.c, read_config_file_depth in readconf.c of
// OpenSSH). Like ssh on Debian and Ubuntu, CheckTrust accepts the group bit where the
// group has no other member (secure_permissions in their user-group-modes.patch): these
// systems give every user a private group, and a umask of 002 then writes files of mode
// 664 and folders of mode 775 that no one else can change. Refusing them would protect
// from no one. The group with id 0 counts as root.
//
// Not judged: access lists on macOS, everything on Windows, file systems that keep no
// modes, and an owner that a user namespace hides.
func CheckTrust(sys Sys, path, home string) error {
	if sys.Euid() < 0 {
		return nil
	}
	way, err := walkFrom(sys, path, home)
	for _, s := range way {
		if u := s.judge(sys); u != nil {
			u.Of = path
			return u
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission) && len(way) > 0:
		if u := way[len(way)-1].untrusted(sys); u.Info.UID >= 0 && u.Info.UID != u.Euid {
			u.Of, u.foreign, u.locked = path, true, true
			return u
		}
	}
	return err
}

// CheckOwner returns an *Untrusted if another user than root and the user of this process
// owns the file to which path leads. It does not ask who may write the file. A path that
// leads nowhere passes.
func CheckOwner(sys Sys, path string) error {
	if sys.Euid() < 0 {
		return nil
	}
	real, err := Resolve(sys, path)
	if err != nil {
		return nil // reading the file reports it
	}
	info, err := sys.Lstat(real)
	if err != nil {
		return nil
	}
	s := pathPart{name: real, info: info}
	if u := s.untrusted(sys); s.isForeign(u.Euid) {
		u.Of, u.foreign = path, true
		return u
	}
	return nil
}

// CheckOwn is CheckTrust for one of keyd's own folders, which must also be usable: the
// folder of root is refused when this user may not write it.
func CheckOwn(sys Sys, dir, home string) error {
	if err := CheckTrust(sys, dir, home); err != nil || sys.Euid() <= 0 {
		return err
	}
	way, err := walkFrom(sys, dir, home)
	if err != nil || len(way) == 0 {
		return nil
	}
	u := way[len(way)-1].untrusted(sys)
	if u.Info.UID != 0 || u.Info.Mode.Perm()&0o022 != 0 {
		return nil
	}
	u.Of, u.foreign, u.locked = dir, true, true
	return u
}

// checkOpen judges the open file of one of keyd's own names, in a folder that is trusted.
func checkOpen(sys Sys, name string, info Info) error {
	if sys.Euid() < 0 {
		return nil
	}
	s := pathPart{name: name, info: info}
	if u := s.judge(sys); u != nil {
		u.Of = name
		return u
	}
	return nil
}

// CheckRead returns an *Untrusted if the file that was read belongs to another user or may
// be written by one.
func (o *Original) CheckRead() error { return checkOpen(o.sys, o.Path, o.Info) }

// pathPart is a folder, link or file on the way to a path.
type pathPart struct {
	name   string
	info   Info
	parent bool   // more of the way follows
	home   string // the home folder, free of links; "" when unknown
}

// walkFrom returns what exists on the way to path, in order, without the folders above
// home. If path exists, it is the last part.
// Its error is that of followLinks; it may come with parts.
func walkFrom(sys Sys, path, home string) ([]pathPart, error) {
	above := map[string]bool{}
	if home != "" {
		real, _, err := followLinks(sys, home, func(name string, _ Info) { above[name] = true })
		if home = real; err != nil {
			home = ""
		}
		delete(above, home)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	var way []pathPart
	if root, _ := splitPath(abs); home == "" {
		if info, err := sys.Lstat(root); err == nil {
			way = append(way, pathPart{root, info, true, home})
		}
	}
	var last pathPart
	_, _, err = followLinks(sys, abs, func(name string, info Info) {
		if last = (pathPart{name, info, true, home}); !above[name] {
			way = append(way, last)
		}
	})
	if err == nil && above[last.name] { // path itself is judged, wherever it is
		way = append(way, last)
	}
	if err == nil && len(way) > 0 {
		way[len(way)-1].parent = false
	}
	return way, err
}

// isBelow reports whether name is a path below the folder dir.
func isBelow(name, dir string) bool {
	rest, err := filepath.Rel(dir, name)
	return err == nil && rest != "." && filepath.IsLocal(rest)
}

// judge returns why the part is not to be trusted, or nil.
func (s pathPart) judge(sys Sys) *Untrusted {
	u := s.untrusted(sys)
	if s.isForeign(u.Euid) {
		u.foreign = true
		return u
	}
	if s.info.Mode&fs.ModeSymlink != 0 || s.parent && s.info.Mode&fs.ModeSticky != 0 {
		return nil // the mode of a link means nothing
	}
	if u.Writers = sys.Writers(s.name, s.info); u.Writers == WritersGroup || u.Writers == WritersAll {
		return u
	}
	return nil
}

// isForeign reports whether another user than root and euid owns the part.
func (s pathPart) isForeign(euid int) bool { return s.info.UID > 0 && s.info.UID != euid }

func (s pathPart) untrusted(sys Sys) *Untrusted {
	return &Untrusted{Path: s.name, Info: s.info, Euid: sys.Euid(), parent: s.parent,
		isHome: s.name == s.home, inHome: s.home != "" && isBelow(s.name, s.home)}
}
