package daemon

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C on a daemon in the foreground from a command, and its
// console window from the screen. Not guaranteed: that what it started ends
// with it at its limit; Windows kills processes one by one.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}
