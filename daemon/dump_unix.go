//go:build unix && !linux

package daemon

import "golang.org/x/sys/unix"

// NoDumps keeps the memory of this process, which briefly contains secrets, out of core
// dumps. A debugger of the same user can still read it.
func NoDumps() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
