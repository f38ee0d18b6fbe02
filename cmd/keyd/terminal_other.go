//go:build !windows

package main

import "os"

// enableEscapes reports whether the terminal understands colours and cursor
// movement.
func enableEscapes(*os.File) bool { return true }

// closeConsole does nothing: only Windows opens a window for a background process.
func closeConsole() {}
