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

// Tail returns the last bytes of one of keyd's own files, no more than most bytes and no
// more than MaxSize. It does not wait until the file is stable, because keyd writes its
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
	return io.ReadAll(io.NewSectionReader(f, max(info.Size-min(most, MaxSize), 0), MaxSize))
}

// Append adds one line to one of keyd's own files and makes it durable. It creates a
// missing file with mode perm. When a crash or a full disk has left a last line without
// its end, that line stays, and the new one starts below it: readers skip lines that they
// cannot parse. On a local file system the lines of two processes do not mix.
func Append(sys Sys, path string, line []byte, perm fs.FileMode) error {
	if err := appendLine(sys, path, line, perm); err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	return nil
}

func appendLine(sys Sys, path string, line []byte, perm fs.FileMode) error {
	f, err := sys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, perm)
	if err != nil {
		return err
	}
	err = addLine(f, line)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return sys.SyncDir(filepath.Dir(path))
}

// addLine writes the line at the end of the open file and syncs it.
func addLine(f File, line []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text := append(bytes.TrimRight(bytes.Clone(line), "\n"), '\n')
	if info.Size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], info.Size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			text = append([]byte{'\n'}, text...)
		}
	}
	if _, err := f.Write(text); err != nil {
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
