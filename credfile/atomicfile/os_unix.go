//go:build linux || darwin

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// renameSparesOpenFiles is true: an open file stays readable after another file took its
// name.
const renameSparesOpenFiles = true

// OpenFile adds O_NOFOLLOW and O_NONBLOCK. The latter has no effect on a regular file, but
// without it the open of a FIFO would hang the daemon.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Lstat describes name itself and does not follow a symbolic link.
func (OS) Lstat(name string) (Info, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	info := infoFrom(fi)
	info.Mount = info.Mode.IsRegular() && mountedOn(name)
	return info, nil
}

// Stat describes the open file.
func (f osFile) Stat() (Info, error) {
	fi, err := f.File.Stat()
	if err != nil {
		return Info{}, err
	}
	return infoFrom(fi), nil
}

// infoFrom converts the description of a file by package os.
func infoFrom(fi fs.FileInfo) Info {
	info := Info{Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(), Links: 1, UID: -1, GID: -1}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		info.ID = FileID{uint64(st.Dev), uint64(st.Ino)}
		info.Links = uint64(st.Nlink)
		info.UID, info.GID = ownerID(st.Uid), int(st.Gid)
	}
	return info
}

// Rename calls rename(2).
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Exchange calls renameat2(2) with RENAME_EXCHANGE or, on macOS, renamex_np(2) with
// RENAME_SWAP. Many errors mean that the exchange is not possible: EINVAL (Linux: the file
// system does not know the flag), ENOTSUP (macOS), ENOSYS (before Linux 3.15), and EPERM
// and EACCES (a sandbox that may still allow rename(2); if it does not, the rename that
// follows fails with its own error).
//
// Source: rename(2) of Linux and of macOS, under ERRORS.
func (OS) Exchange(a, b string) error {
	err := exchangeNames(a, b)
	for _, no := range []error{syscall.EINVAL, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EPERM, syscall.EACCES} {
		if errors.Is(err, no) {
			err = ErrNoExchange
		}
	}
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}

func isDiskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

func isOverQuota(err error) bool { return errors.Is(err, syscall.EDQUOT) }

// roomRemedy also names df -i, because a disk can run out of inodes before it is full.
func roomRemedy(path string) string {
	return "make room on the disk of " + path + ": df -h and df -i show how full it is"
}

// SyncDir calls fsync on the directory. File systems that cannot do that (some FUSE and
// network file systems) return EINVAL or ENOTSUP, which SyncDir ignores, because there is
// no better call.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// CopyMeta copies the owner, then the access list and the other extended attributes, and
// then the mode. In this order another group never gets, for a moment, the rights that the
// list grants to the group. A file that cannot get the group of the old file gets neither
// an access list nor rights for its group.
func (OS) CopyMeta(from, to File) error {
	src, dst := from.(osFile).File, to.(osFile).File
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	mode, owned := fi.Mode().Perm(), true
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		owned = chownIfNeeded(dst, int(st.Uid), int(st.Gid)) == nil
	}
	if err := copyAttributes(src, dst, owned); err != nil || !owned {
		mode &^= 0o070 // these bits would give rights to another group; with an access list they are its mask
	}
	return chmodIfSupported(dst, mode)
}

// chownIfNeeded changes the owner and group only when they differ, because few processes
// may change them.
func chownIfNeeded(f *os.File, uid, gid int) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) == uid && int(st.Gid) == gid {
		return nil
	}
	return f.Chown(uid, gid)
}

// chmodIfSupported changes the mode, except on file systems without modes (FAT, drvfs),
// where the new file has the same mode as every other file, including the old one.
func chmodIfSupported(f *os.File, mode fs.FileMode) error {
	err := f.Chmod(mode)
	if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	return err
}
