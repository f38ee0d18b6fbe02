//go:build unix && !linux

package daemon

import "golang.org/x/sys/unix"

// NoDumps keeps the memory of this process, which holds secrets for moments,
// from core dumps. A debugger of the same user sees it all the same.
func NoDumps() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
