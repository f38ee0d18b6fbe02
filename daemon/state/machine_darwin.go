package state

import (
	"golang.org/x/sys/unix"

	"keyd/credfile/atomicfile"
)

// machineID returns the UUID of the hardware, or "" when the kernel does not tell.
func machineID(atomicfile.Sys) string {
	id, err := unix.Sysctl("kern.uuid")
	if err != nil {
		return ""
	}
	return id
}
