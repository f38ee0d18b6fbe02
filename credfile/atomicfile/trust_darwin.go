package atomicfile

import (
	"bytes"
	"slices"

	"golang.org/x/sys/unix"
)

// ownerID returns the id of an owner: macOS has no user namespaces.
func ownerID(uid uint32) int { return int(uid) }

// hasAccessList returns false: access lists on macOS can only be read through libc.
func hasAccessList(string) bool { return false }

// keepsNoModes reports whether the modes of this file system mean nothing.
func keepsNoModes(name string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return false
	}
	kind, _, _ := bytes.Cut(st.Fstypename[:], []byte{0})
	return slices.Contains([]string{"msdos", "exfat", "ntfs", "smbfs"}, string(kind))
}

// LockReach asks whether the file system is local. macOS does not tell how locks work on
// another one.
// Source: statfs(2) of macOS, MNT_LOCAL.
func (OS) LockReach(dir string) Reach {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err == nil && st.Flags&unix.MNT_LOCAL != 0 {
		return ReachMachine
	}
	return ReachUnknown
}
