package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// MaxOwnSize is the size in bytes of the largest file of keyd's own that is read whole:
// 64 MiB. What keyd remembers of a key takes some 800 bytes.
const MaxOwnSize = 64 << 20

// Tail returns the last bytes of one of keyd's own files, no more than most bytes. It does not wait until the file is stable, because keyd writes its
// own files by renaming and appending only. The error wraps fs.ErrNotExist when there is no such
// file. It is *Untrusted when the file belongs to another user, or may be written by one.
func Tail(sys Sys, path string, most int64) ([]byte, error) {
	return readTail(sys, path, most, func(info Info) error { return checkOpen(sys, path, info) })
}

// Peek returns the bytes that a file has at this moment, at most the last MaxSize of them,
// without waiting until the file is stable. It is meant for files that the caller will not
// change, whoever owns them.
func Peek(sys Sys, path string) ([]byte, error) {
	real, err := Resolve(sys, path)
	if err != nil {
		return nil, err
	}
	return readTail(sys, real, MaxSize, func(Info) error { return nil })
}

// readTail returns the last bytes of a file that check accepts.
func readTail(sys Sys, path string, most int64, check func(Info) error) ([]byte, error) {
	f, err := sys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, err
	}
	start := max(info.Size-most, 0)
	data := bytes.NewBuffer(make([]byte, 0, info.Size-start+bytes.MinRead))
	_, err = data.ReadFrom(io.NewSectionReader(f, start, most))
	return data.Bytes(), err
}

// Append adds one line to one of keyd's own files and makes it durable. It creates a
// missing file with mode perm. When a crash or a full disk has left a last line without
// its end, that line stays, and the new one starts below it: readers skip lines that they
// cannot parse. On a local file system the lines of two processes do not mix.
func Append(sys Sys, path string, line []byte, perm fs.FileMode) error {
	return AppendNext(sys, path, perm, 1, func(Before) ([]byte, error) { return line, nil })
}

// Before is what an own file holds when a line is about to be added to it.
type Before struct {
	Size int64       // bytes, with the line end that a torn last line gets
	Tail []byte      // its last bytes, as far as the caller asked for, with that line end
	Torn bool        // the last line gets a line end
	File io.ReaderAt // the whole file, without that line end
}

// AppendNext is Append for a line that depends on what stands before it: next gets the
// last most bytes of the file and returns the line. The caller keeps other processes from
// adding a line at the same time. When next returns an error, nothing is written.
func AppendNext(sys Sys, path string, perm fs.FileMode, most int64, next func(Before) ([]byte, error)) error {
	if err := appendLine(sys, path, perm, most, next); err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	return nil
}

func appendLine(sys Sys, path string, perm fs.FileMode, most int64, next func(Before) ([]byte, error)) error {
	f, err := sys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, perm)
	if err != nil {
		return err
	}
	err = addLine(f, most, next)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return sys.SyncDir(filepath.Dir(path))
}

// addLine writes the next line at the end of the open file and syncs it.
func addLine(f File, most int64, next func(Before) ([]byte, error)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	before := Before{Size: info.Size, File: f}
	if info.Size > 0 {
		before.Tail = make([]byte, min(most, info.Size))
		if _, err := f.ReadAt(before.Tail, info.Size-int64(len(before.Tail))); err != nil {
			return err
		}
		before.Torn = before.Tail[len(before.Tail)-1] != '\n'
	}
	var text []byte
	if before.Torn {
		before.Size, before.Tail, text = before.Size+1, append(before.Tail, '\n'), []byte{'\n'}
	}
	line, err := next(before)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(append(text, bytes.TrimRight(line, "\n")...), '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// MkdirAll creates a directory and its missing parents, all with mode perm, and makes
// their names durable. A directory that exists keeps its mode. The error is *Refused when
// dir is not a directory or leads through a dangling link.
func MkdirAll(sys Sys, dir string, perm fs.FileMode) error {
	real, err := Resolve(sys, dir)
	if err == nil {
		return checkDir(sys, dir, real)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if !errors.Is(err, fs.ErrNotExist) || parent == filepath.Clean(dir) {
		return err
	}
	if err := MkdirAll(sys, parent, perm); err != nil {
		return err
	}
	if err := sys.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return sys.SyncDir(parent)
}

// checkDir refuses the path when the file real, to which it leads, is not a directory.
func checkDir(sys Sys, path, real string) error {
	info, err := sys.Lstat(real)
	if err == nil && !info.Mode.IsDir() {
		err = &Refused{Path: path, Why: "is not a directory", Remedy: "move it away"}
	}
	return err
}

// Lock takes the lock that the file name stands for. While another process or another part
// of this one holds the lock, Lock tries again after each interval of length retry, and
// returns ErrLocked when ctx is done. The directory of name must exist.
func Lock(ctx context.Context, sys Sys, name string, retry time.Duration) (unlock func(), err error) {
	for {
		unlock, err := sys.TryLock(name)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		if sleep(ctx, retry) != nil {
			return nil, err
		}
	}
}
