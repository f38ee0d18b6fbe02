package atomicfile

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// copyAttributes copies the extended attributes as far as this process may. Access lists
// on macOS are not extended attributes and can only be read through libc, so that a file
// loses its access list. With the list, other users lose the rights that it gave them;
// the owner loses nothing.
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
			_ = unix.Fsetxattr(int(to.Fd()), string(name), value[:n], 0) // a failure is ignored: not every process may set every attribute
		}
	}
	return nil
}

// exchangeNames exchanges the files of two names.
func exchangeNames(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }

// mountedOn returns false: only Linux mounts single files.
func mountedOn(string) bool { return false }

// BeingWritten returns false: the system cannot report writers.
func (osFile) BeingWritten() bool { return false }
