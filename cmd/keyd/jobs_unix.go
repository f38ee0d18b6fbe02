//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// jobs reports when the person stops this process with Ctrl-Z, as a job of the shell, and when
// the person continues it.
type jobs struct{ stops, continues chan os.Signal }

// followJobs begins to follow; end ends it. Where no shell has made this process a job, Ctrl-Z
// does not stop it, since no shell could continue it. The group of the leader of a session is
// not a job.
func followJobs() jobs {
	j := jobs{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	session, err := unix.Getsid(0)
	if err == nil && session != unix.Getpgrp() && !signal.Ignored(syscall.SIGTSTP) {
		signal.Notify(j.stops, syscall.SIGTSTP)
	}
	signal.Notify(j.continues, syscall.SIGCONT)
	return j
}

func (j jobs) end() {
	signal.Stop(j.stops)
	signal.Stop(j.continues)
}

// suspend stops this process, and returns when the person has continued it. It stops by
// SIGSTOP: what Go has caught once, such as SIGTSTP, never stops a process again.
func (j jobs) suspend() {
	if syscall.Kill(os.Getpid(), syscall.SIGSTOP) == nil {
		<-j.continues
	}
}

// inForeground reports whether the shell has given the terminal to this process. It is true
// where no shell controls jobs.
func (t *terminal) inForeground() bool {
	out, ok := t.out.(*os.File)
	if !ok {
		return true
	}
	group, err := unix.IoctlGetInt(int(out.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// isGone reports whether standard output has lost its reader: the program behind a pipe has
// ended, or the window of the terminal was closed.
func (t *terminal) isGone() bool {
	out, ok := t.out.(*os.File)
	if !ok {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(out.Fd())}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
}
