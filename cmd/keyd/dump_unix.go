//go:build unix && !linux

package main

import (
	"golang.org/x/sys/unix"
)

// preventDumps keeps the memory of this process, which briefly contains secrets, out of core
// dumps. A debugger of the same user can still read it.
func preventDumps() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
