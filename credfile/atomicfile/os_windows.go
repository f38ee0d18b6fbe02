package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/robustio"
	"golang.org/x/sys/windows"
)

// renameSparesOpenFiles is false: where Windows lacks POSIX renames, an open file keeps its
// name. The old file is therefore closed before a rename.
const renameSparesOpenFiles = false

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isOverQuota(err error) bool { return errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) }

func roomRemedy(path string) string { return "make room on the disk of " + path }

// OpenFile opens a file for reading so that other programs may read, write and delete it
// at the same time; none of them finds the file locked. With every other flag OpenFile
// calls os.OpenFile.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if flag != os.O_RDONLY {
		f, err := os.OpenFile(name, flag, perm)
		if err != nil {
			return nil, err
		}
		return osFile{f}, nil
	}
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(p, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING,
		windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return osFile{os.NewFile(uintptr(h), name)}, nil
}

// Lstat describes name itself and does not follow a symbolic link. It leaves Info.ID zero.
func (OS) Lstat(name string) (Info, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Mode: fi.Mode(), Size: fi.Size(), ModTime: fi.ModTime(), Links: 1, UID: -1, GID: -1}, nil
}

// Stat describes the open file.
func (f osFile) Stat() (Info, error) {
	fi, err := f.File.Stat()
	if err != nil {
		return Info{}, err
	}
	var by windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &by); err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return Info{
		Mode: fi.Mode(), Size: fi.Size(), ModTime: time.Unix(0, by.LastWriteTime.Nanoseconds()),
		ID:    FileID{uint64(by.VolumeSerialNumber), uint64(by.FileIndexHigh)<<32 | uint64(by.FileIndexLow)},
		Links: uint64(by.NumberOfLinks), UID: -1, GID: -1,
	}, nil
}

// Rename first requests POSIX semantics, which replace a file that other programs have open
// with delete sharing. If that fails, Rename repeats MoveFileEx for up to 2 s, because
// virus scanners and readers make it fail for moments. After that the error wraps ErrBusy.
//
// Not guaranteed: that every program can open the file at each instant. Windows renames
// through a handle with the right to delete, and until it is closed, microseconds after the
// rename, only a program that shares that right can open the file. OpenFile does; Python,
// Node.js and os.ReadFile do not, and get a sharing violation. ReplaceFile and MoveFileEx
// use such a handle as well, and writing in place could leave half a pair.
//
// Source: CreateFileW, dwShareMode: an open fails if it does not share the access of a
// handle that is open.
func (OS) Rename(from, to string) error {
	if err := posixRename(from, to); err == nil {
		return nil
	}
	err := robustio.Rename(from, to)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// posixRename renames with POSIX semantics, which package os requests for an os.Root only.
func posixRename(from, to string) error {
	root, err := os.OpenRoot(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer root.Close()
	return root.Rename(filepath.Base(from), filepath.Base(to))
}

// Exchange returns ErrNoExchange: Windows has no such call. ReplaceFile, which is the
// closest, leaves a moment in which the name is missing.
//
// Source: ReplaceFileW, under Return value: ERROR_UNABLE_TO_MOVE_REPLACEMENT_2.
func (OS) Exchange(string, string) error { return ErrNoExchange }

// SyncDir does nothing: Windows refuses to flush a directory, and NTFS has its own journal
// of names.
func (OS) SyncDir(string) error { return nil }

// CopyMeta copies the access list. Without the right to do so, the new file keeps the list
// that it inherited from its directory, as a file would that any other program created
// there.
func (OS) CopyMeta(from, to File) error {
	src, dst := from.(osFile).Name(), to.(osFile).Name()
	sd, err := windows.GetNamedSecurityInfo(src, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return &fs.PathError{Op: "read access list", Path: src, Err: err}
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return &fs.PathError{Op: "read access list", Path: src, Err: err}
	}
	what := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION | windows.UNPROTECTED_DACL_SECURITY_INFORMATION)
	if control, _, err := sd.Control(); err == nil && control&windows.SE_DACL_PROTECTED != 0 {
		what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	}
	err = windows.SetNamedSecurityInfo(dst, windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil)
	if err != nil && err != syscall.ERROR_ACCESS_DENIED {
		return &fs.PathError{Op: "set access list", Path: dst, Err: err}
	}
	return nil
}

// BeingWritten returns false: the system cannot report writers.
func (osFile) BeingWritten() bool { return false }

// Sync flushes the file. A file that is open only for reading cannot be flushed; the
// program that wrote it had to do that.
func (f osFile) Sync() error {
	err := f.File.Sync()
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return nil
	}
	return err
}

// Writers returns WritersUnknown: Windows has access lists, which keyd does not judge.
func (OS) Writers(string, Info) Writers { return WritersUnknown }

// LockReach asks whether the drive is a network drive.
func (OS) LockReach(dir string) Reach {
	volume := filepath.VolumeName(dir)
	p, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil || volume == "" {
		return ReachUnknown
	}
	if kind := windows.GetDriveType(p); kind == windows.DRIVE_REMOTE || kind <= windows.DRIVE_NO_ROOT_DIR {
		return ReachUnknown
	}
	return ReachMachine
}
