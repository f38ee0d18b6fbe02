//go:build unix

package notify

import (
	"os/exec"
	"syscall"
)

// setProcessGroup puts a command into its own process group, so that Ctrl-C on a daemon
// in the foreground does not reach it and its children are killed with it at its limit.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
