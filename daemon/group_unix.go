//go:build unix

package daemon

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a command into a process group of its own, which ends with it:
// Ctrl-C on a daemon in the foreground does not reach it, its children do not
// outlive its limit.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
