package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes turns on colours and cursor movement, which an old console does
// not understand until it is asked to. It reports whether the console does now.
func enableEscapes(out *os.File) bool {
	console := windows.Handle(out.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// closeConsole detaches this process from the console window that Windows opened
// for it; the window may have been visible for a moment. A console that other
// processes share stays open for them.
func closeConsole() {
	_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole").Call()
}
