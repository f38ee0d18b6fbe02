package state

import "golang.org/x/sys/unix"

// bootID returns an id that the kernel draws when it starts.
// Source: xnu, bsd/kern/kern_sysctl.c, kern.bootsessionuuid.
func bootID() string {
	id, _ := unix.Sysctl("kern.bootsessionuuid")
	return id
}
