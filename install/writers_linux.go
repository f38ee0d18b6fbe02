package install

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// readOwner returns the owner of a file, and who may write it by its access list.
func readOwner(path string, info fs.FileInfo) (o owner, ok bool) {
	if o, ok = ownerOf(info); !ok {
		return o, false
	}
	list := make([]byte, 4096)
	n, err := unix.Getxattr(path, "system.posix_acl_access", list)
	if err != nil { // most files have none, and many file systems know none
		return o, true
	}
	o.applyList(list[:n])
	return o, true
}

// The tags of the entries of an access list, and the right to write.
// Source: Linux, include/uapi/linux/posix_acl.h and posix_acl_xattr.h.
const (
	listUser  = 0x02
	listGroup = 0x04 // the group of the file
	listOther = 0x08 // another group
	listMask  = 0x10 // limits every entry but those of the owner and of everybody
	listWrite = 0x02
)

// applyList adds those who may write by a POSIX access list. With such a list the bits
// of the group in the mode are the mask, so applyList corrects them too.
func (o *owner) applyList(list []byte) {
	type entry struct {
		tag, rights uint16
		id          uint32
	}
	var entries []entry
	mask := uint16(listWrite)
	for at := 4; at+8 <= len(list); at += 8 { // after the version
		e := entry{binary.LittleEndian.Uint16(list[at:]), binary.LittleEndian.Uint16(list[at+2:]), binary.LittleEndian.Uint32(list[at+4:])}
		if e.tag == listMask {
			mask = e.rights
		}
		entries = append(entries, e)
	}
	for _, e := range entries {
		may := e.rights&mask&listWrite != 0
		switch {
		case e.tag == listGroup && !may:
			o.mode &^= 0o020
		case e.tag == listUser && may:
			o.writers = append(o.writers, fmt.Sprintf("u:%d", e.id))
		case e.tag == listOther && may:
			o.writers = append(o.writers, fmt.Sprintf("g:%d", e.id))
		}
	}
}

// ignoresModes reports whether the file system of a file keeps no modes, as those of
// Windows do: chmod would have no effect.
func ignoresModes(path string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return false
	}
	// FAT, exFAT, NTFS, FUSE (NTFS as well), 9P (the disks of Windows in WSL), SMB.
	return slices.Contains([]int64{0x4d44, 0x2011bab0, 0x7366746e, 0x65735546, 0x01021997, 0xff534d42, 0xfe534d42}, int64(fs.Type)&0xffffffff)
}
