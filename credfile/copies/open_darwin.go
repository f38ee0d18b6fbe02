package copies

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// noAccessTime is nothing: macOS has no such flag.
const noAccessTime = 0

// isDataless reports whether reading a file or folder would download it.
// Source: stat(2) of macOS, SF_DATALESS.
func isDataless(st *unix.Stat_t) bool { return st.Flags&unix.SF_DATALESS != 0 }

// protected are the folders of the home folder that macOS lets a program read only after it
// has asked the person: the person's own, and those of other programs.
var protected = []string{
	"Desktop", "Documents", "Downloads", "Movies", "Music", "Pictures",
	"Library/Containers", "Library/Group Containers", "Library/Mobile Documents", "Library/CloudStorage",
}

// isProtected reports whether macOS would ask before a program may read a folder.
func isProtected(home, path string) bool {
	inside, err := filepath.Rel(home, path)
	return err == nil && slices.Contains(protected, inside)
}

// lowerPriority makes the calling thread a background thread, for processor and disk.
// Source: setpriority(2) of macOS, PRIO_DARWIN_THREAD.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_DARWIN_THREAD, 0, unix.PRIO_DARWIN_BG) }
