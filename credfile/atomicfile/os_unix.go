//go:build linux || darwin

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// A file that is open stays readable after another one took its name.
const renameSparesOpenFiles = true

// OpenFile opens with O_NOFOLLOW and O_NONBLOCK; the latter means nothing to a
// regular file and everything to a FIFO, which would hang the daemon.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Lstat describes name itself.
func (OS) Lstat(name string) (Info, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	info := infoOf(fi)
	info.Mount = info.Mode.IsRegular() && mountedOn(name)
	return info, nil
}

// Stat describes the open file.
func (f osFile) Stat() (Info, error) {
	fi, err := f.File.Stat()
	if err != nil {
		return Info{}, err
	}
	return infoOf(fi), nil
}

func infoOf(fi fs.FileInfo) Info {
	info := Info{Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(), Links: 1, UID: -1}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		info.ID = FileID{uint64(st.Dev), uint64(st.Ino)}
		info.Links = uint64(st.Nlink)
		info.UID = int(st.Uid)
	}
	return info
}

// Rename is rename(2).
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Exchange is renameat2(2) with RENAME_EXCHANGE or renamex_np(2) with
// RENAME_SWAP. What they cannot do they call by many names: EINVAL (Linux: the
// file system does not know the flag), ENOTSUP (macOS), ENOSYS (before Linux
// 3.15), EPERM and EACCES (a sandbox that lets rename(2) pass; where that is
// forbidden, too, it says so itself).
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

func diskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

func overQuota(err error) bool { return errors.Is(err, syscall.EDQUOT) }

// A disk may also have room and no inode left.
func roomRemedy(path string) string {
	return "make room on the disk of " + path + ": df -h and df -i show how full it is"
}

// SyncDir is fsync on the directory. File systems that cannot do it (some FUSE
// and network ones) say EINVAL or ENOTSUP; there is nothing better to call.
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

// CopyMeta copies the owner, then the access list and the other extended
// attributes, then the mode: what a list grants the group is never another
// group's on the way. A file that cannot have the group of the old one gets
// neither list nor group rights.
func (OS) CopyMeta(from, to File) error {
	src, dst := from.(osFile).File, to.(osFile).File
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	mode, owned := fi.Mode().Perm(), true
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		owned = chown(dst, int(st.Uid), int(st.Gid)) == nil
	}
	if err := copyAttributes(src, dst, owned); err != nil || !owned {
		mode &^= 0o070 // they would open it to another group; with an access list they are its mask
	}
	return chmod(dst, mode)
}

// chown changes the owner only when it differs: few may, and few need to.
func chown(f *os.File, uid, gid int) error {
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

// chmod fails on file systems without modes (FAT, drvfs); the file then has
// the mode that every file there has, as the old one did.
func chmod(f *os.File, mode fs.FileMode) error {
	err := f.Chmod(mode)
	if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	return err
}
