//go:build linux || darwin

package atomicfile

import (
	"bufio"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Writers reads the mode and, for the group bits, who is in the group. The group with id
// 0 counts as root, which decides who is in it.
func (OS) Writers(name string, info Info) Writers {
	switch perm := info.Mode.Perm(); {
	case perm&0o022 == 0:
		return WritersNone
	case keepsNoModes(name):
		return WritersUnknown
	case perm&0o002 != 0:
		return WritersAll
	case hasAccessList(name): // the group bits are then the mask of the list
		return WritersGroup
	case info.GID == 0 || isPrivateGroup("/etc/passwd", "/etc/group", info.GID, os.Geteuid()):
		return WritersNone
	}
	return WritersGroup
}

// isPrivateGroup reports whether the group gid has a member, and no other than root and
// the user uid. It counts the users whose first group it is and those that the group
// lists. A group without any member in the two files is private if its id is the id of the
// user: directory services that give every user a private group number it so.
//
// Not guaranteed: that a directory service (LDAP, sssd) adds no one to the group. Debian's
// ssh asks it for the group, but cannot list the users of most services either.
// Source: FreeIPA, "User Private Groups"; sssd.conf(5), auto_private_groups.
func isPrivateGroup(passwd, group string, gid, uid int) bool {
	own, others := map[string]bool{"root": true}, false
	members := 0
	eachRecord(passwd, func(fields []string) {
		if len(fields) < 4 {
			return
		}
		id, err := strconv.Atoi(fields[2])
		if err == nil && (id == uid || id == 0) {
			own[fields[0]] = true
		}
		if fields[3] == strconv.Itoa(gid) {
			members++
			others = others || err != nil || id != uid && id != 0
		}
	})
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		own[u.Username] = true // a user of a directory service stands in no file
	}
	eachRecord(group, func(fields []string) {
		if len(fields) < 4 || fields[2] != strconv.Itoa(gid) {
			return
		}
		for name := range strings.SplitSeq(fields[3], ",") {
			if name = strings.TrimSpace(name); name != "" {
				members++
				others = others || !own[name]
			}
		}
	})
	return !others && (members > 0 || gid == uid)
}

// eachRecord calls do with the fields of every line of a file such as /etc/passwd.
func eachRecord(path string, do func(fields []string)) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		do(strings.Split(lines.Text(), ":"))
	}
}
