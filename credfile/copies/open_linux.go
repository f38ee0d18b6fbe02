package copies

import "golang.org/x/sys/unix"

// noAccessTime makes an open leave the time of the last access as it is: people look for
// files that nobody has used for long. Only the owner may use it.
const noAccessTime = unix.O_NOATIME

// isDataless is false: the cloud clients of Linux mount file systems of their own.
func isDataless(*unix.Stat_t) bool { return false }

// isProtected is false: no system but macOS asks.
func isProtected(home, path string) bool { return false }

// lowerPriority gives the calling thread the lowest priority for the processor, and lets it
// read from the disk only when nobody else does.
func lowerPriority() {
	const (
		ioprioWhoProcess = 1
		ioprioIdle       = 3 << 13
	)
	tid := unix.Gettid()
	_ = unix.Setpriority(unix.PRIO_PROCESS, tid, 19)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(tid), ioprioIdle)
}
