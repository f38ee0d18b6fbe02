package notify

import (
	"os/exec"
	"syscall"
)

// setProcessGroup makes Ctrl-C on a daemon in the foreground not reach a command, and
// hides the command's console window. Not guaranteed: that the command's children are
// killed with it at its limit, because Windows kills processes one by one.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}
