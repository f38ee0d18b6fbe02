package systemd

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// IsJournal reports whether w is the stream to the journal. stream is the value of
// JOURNAL_STREAM: the device and inode of that stream. The variable alone proves
// nothing: child processes inherit it, and standard error may have been redirected
// since.
// Source: systemd.exec(5), "$JOURNAL_STREAM".
func IsJournal(w io.Writer, stream string) bool {
	file, ok := w.(*os.File)
	if !ok || stream == "" {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
