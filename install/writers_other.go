//go:build !linux && !windows

package install

import "io/fs"

// readOwner returns the owner of a file. Access lists are not read.
func readOwner(_ string, info fs.FileInfo) (o owner, ok bool) { return ownerOf(info) }

// ignoresModes always returns false: a Mac gives every file of such a disk to the user
// who mounted it.
func ignoresModes(string) bool { return false }
