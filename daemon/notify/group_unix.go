//go:build unix

package notify

import (
	"context"
	"os/exec"
	"syscall"
)

// setProcessGroup puts a command into its own process group, so that Ctrl-C on a daemon
// in the foreground does not reach it and its children are killed with it at its limit.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// shellCommand returns the command that runs line in the shell.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}
