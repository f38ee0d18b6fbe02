package atomicfile

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// copyAttributes copies the extended attributes as far as this process may.
// The access lists of macOS are no extended attributes and need libc; a file
// that has one loses it, and with it the rights of others, never its owner's.
func copyAttributes(from, to *os.File, _ bool) error {
	buf := make([]byte, 64<<10)
	n, err := unix.Flistxattr(int(from.Fd()), buf)
	if err != nil {
		return nil
	}
	for name := range bytes.SplitSeq(buf[:n], []byte{0}) {
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(int(from.Fd()), string(name), value)
		if err == nil && len(name) > 0 {
			_ = unix.Fsetxattr(int(to.Fd()), string(name), value[:n], 0) // as far as it may
		}
	}
	return nil
}

func exchangeNames(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }

// mountedOn is false: only Linux mounts single files.
func mountedOn(string) bool { return false }

// BeingWritten is false: the system cannot tell.
func (osFile) BeingWritten() bool { return false }
