package main

import "golang.org/x/sys/windows"

// closeConsole closes the window that Windows opened for this process; it may
// have been seen for a moment. Where the console belongs to others too, it stays
// theirs.
func closeConsole() {
	_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole").Call()
}
