package daemon

import (
	"errors"

	"golang.org/x/sys/unix"
)

// NoDumps keeps the memory of this process, which holds secrets for moments,
// from core dumps and from other processes of the same user (ptrace,
// /proc/PID/mem). Root sees it all the same.
func NoDumps() error {
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
