//go:build !linux

package systemd

import "io"

// IsJournal always reports false: only Linux has systemd's journal.
func IsJournal(io.Writer, string) bool { return false }
