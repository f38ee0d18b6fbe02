package atomicfile

import (
	"bytes"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const aclAttribute = "system.posix_acl_access"

// copyAttributes copies the extended attributes of from, among them its security label
// and, if withACL is set, its access list. An error means that the access lists of the
// two files differ; other attributes are copied as far as this process may.
func copyAttributes(from, to *os.File, withACL bool) error {
	names, err := attributeNames(from)
	if err != nil {
		return nil // the file system has no attributes, and therefore no access lists
	}
	acl := false
	for _, name := range names {
		if name == aclAttribute && !withACL {
			continue
		}
		value := make([]byte, 64<<10) // the kernel's limit for one value
		n, err := unix.Fgetxattr(int(from.Fd()), name, value)
		if err == nil {
			err = unix.Fsetxattr(int(to.Fd()), name, value[:n], 0)
		}
		if name == aclAttribute {
			acl = true
			if err != nil {
				return err
			}
		}
	}
	if acl {
		return nil
	}
	return dropACL(to)
}

// dropACL removes the access list that a new file has inherited from its directory.
func dropACL(f *os.File) error {
	err := unix.Fremovexattr(int(f.Fd()), aclAttribute)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// attributeNames returns the names of the extended attributes of a file.
func attributeNames(f *os.File) ([]string, error) {
	buf := make([]byte, 64<<10) // the kernel's limit for the list
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range bytes.SplitSeq(buf[:n], []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names, nil
}

// exchangeNames exchanges the files of two names.
func exchangeNames(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// mountedOn reports whether name is the root of a mount, like a file that is bind-mounted
// into a container. Before Linux 5.8 it always returns false, and the rename itself fails
// with EBUSY.
func mountedOn(name string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, name, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return err == nil && st.Attributes&st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// BeingWritten requests a read lease and releases it at once. The kernel refuses the lease
// with EAGAIN while any process has the file open for writing. An NFSv4 client refuses it
// in the same way whenever it holds no delegation.
func (f osFile) BeingWritten() bool {
	fd := f.Fd()
	_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
	if err != nil {
		return errors.Is(err, unix.EAGAIN)
	}
	_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK) // if this fails, the lease ends when f is closed
	return false
}
