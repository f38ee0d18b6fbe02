package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// preventDumps keeps the memory of this process, which briefly contains secrets, out of core
// dumps and away from other processes of the same user (ptrace, /proc/PID/mem). Root
// can still read it.
func preventDumps() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
