//go:build !windows

package main

import "os"

// escapes reports whether the terminal knows colours and cursor movement.
func escapes(*os.File) bool { return true }
