//go:build linux || darwin

package doctor

import "golang.org/x/sys/unix"

// diskSpace returns how much room the disk of a folder has; false if the system does not
// tell.
func diskSpace(dir string) (Space, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Blocks == 0 {
		return Space{}, false
	}
	return Space{Bytes: uint64(s.Bavail) * uint64(s.Bsize), Files: s.Ffree, Limit: s.Files > 0}, true
}
