//go:build !linux

package main

import "io"

// isJournal is for systemd only.
func isJournal(io.Writer, string) bool { return false }
