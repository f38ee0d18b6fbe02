//go:build !linux

package main

import "io"

// isJournal always reports false: only Linux has systemd's journal.
func isJournal(io.Writer, string) bool { return false }
