//go:build !windows

package main

import "os"

// enableEscapes reports whether the terminal knows colours and cursor movement.
func enableEscapes(*os.File) bool { return true }
