package notify

import (
	"context"
	"os/exec"
	"syscall"
)

// setProcessGroup makes Ctrl-C on a daemon in the foreground not reach a command, and
// hides the command's console window. Not guaranteed: that the command's children are
// killed with it at its limit, because Windows kills processes one by one.
func setProcessGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.CreationFlags, cmd.SysProcAttr.HideWindow = syscall.CREATE_NEW_PROCESS_GROUP, true
}

// shellCommand returns the command that runs line in the shell. cmd.exe takes the line as
// it stands between the first quotation mark and the last one.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd.exe /D /S /C "` + line + `"`}
	return cmd
}
