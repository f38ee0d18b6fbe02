package main

import "golang.org/x/sys/windows"

// leaveConsole closes the window that Windows opened for this process; it may
// have been seen for a moment. Where the console belongs to others too, it stays
// theirs.
func leaveConsole() {
	_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole").Call()
}
