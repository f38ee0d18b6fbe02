package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes turns on colours and cursor movement, which an old console does not
// understand unless asked to.
func enableEscapes(out *os.File) bool {
	console := windows.Handle(out.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
