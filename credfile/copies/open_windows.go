package copies

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/windows"
)

// folder is an open folder. It is closed when everybody who retained it has released it.
type folder struct {
	f     *os.File
	path  string
	users atomic.Int32
}

// openFolder opens a folder. Unless follow is set, it does not follow a link.
func openFolder(path string, follow bool) (*folder, error) {
	if !follow {
		fi, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !fi.IsDir() {
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &folder{f: f, path: path}
	d.users.Store(1)
	return d, nil
}

func (d *folder) retain() { d.users.Add(1) }

func (d *folder) release() {
	if d.users.Add(-1) == 0 {
		_ = d.f.Close()
	}
}

// read returns up to n of the entries that were not returned before, and io.EOF behind the
// last one.
func (d *folder) read(n int) ([]fs.DirEntry, error) { return d.f.ReadDir(n) }

// isPlaceholder reports whether reading the folder would download it from a cloud.
func (d *folder) isPlaceholder() bool {
	fi, err := d.f.Stat()
	return err == nil && isRecalled(fi)
}

// isPlaceholder reports whether reading a file would download it from a cloud. The folder
// tells, so that the file need not be opened.
func isPlaceholder(e fs.DirEntry) bool {
	fi, err := e.Info()
	return err == nil && isRecalled(fi)
}

// isRecalled reports whether the contents of a file are elsewhere.
// Source: "File Attribute Constants" of the Windows documentation.
func isRecalled(fi fs.FileInfo) bool {
	const elsewhere = windows.FILE_ATTRIBUTE_OFFLINE | windows.FILE_ATTRIBUTE_RECALL_ON_OPEN | windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
	data, ok := fi.Sys().(*syscall.Win32FileAttributeData)
	return ok && data.FileAttributes&elsewhere != 0
}

// file is an open file.
type file struct {
	f           *os.File
	fi          fs.FileInfo
	size        int64
	regular     bool
	placeholder bool
}

// open opens a file of the folder.
func (d *folder) open(name string) (f file, err error) {
	if f.f, err = os.Open(filepath.Join(d.path, name)); err != nil {
		return f, err
	}
	if f.fi, err = f.f.Stat(); err != nil {
		f.close()
		return f, err
	}
	f.size, f.regular, f.placeholder = f.fi.Size(), f.fi.Mode().IsRegular(), isRecalled(f.fi)
	return f, nil
}

func (f *file) close() { _ = f.f.Close() }

// read reads what follows what was read before; 0 means the end of the file.
func (f *file) read(buffer []byte) (n int, err error) {
	n, err = f.f.Read(buffer)
	if n > 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *file) readAt(buffer []byte, offset int64) (n int, err error) {
	return f.f.ReadAt(buffer, offset)
}

// isOneOf reports whether f is one of the files.
func (f *file) isOneOf(files []fs.FileInfo) bool {
	for _, fi := range files {
		if os.SameFile(f.fi, fi) {
			return true
		}
	}
	return false
}

// isChanged reports whether an error means that a name is no longer what the folder showed
// a moment ago.
func isChanged(err error) bool { return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, io.EOF) }

// isProtected is false: no system but macOS asks.
func isProtected(home, path string) bool { return false }

// lowerPriority puts the calling thread into background mode, for processor and disk.
// Source: SetThreadPriority of the Windows documentation, THREAD_MODE_BACKGROUND_BEGIN.
func lowerPriority() {
	const backgroundBegin = 0x10000
	setPriority := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetThreadPriority")
	if setPriority.Find() == nil {
		_, _, _ = setPriority.Call(uintptr(windows.CurrentThread()), backgroundBegin)
	}
}
