//go:build !windows

package install

import (
	"io/fs"
	"strconv"
	"syscall"
)

// ownerOf returns the owner of a file, without the access list. ok is false where the
// system has no such owner.
func ownerOf(info fs.FileInfo) (o owner, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	return owner{uid: strconv.FormatUint(uint64(stat.Uid), 10), gid: strconv.FormatUint(uint64(stat.Gid), 10), mode: info.Mode()}, true
}
