package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

const (
	maxLogBytes = 1 << 20 // size in bytes at which a new file is started
	maxLogFiles = 3       // number of files: the current one and older ones
)

// LogPaths returns the existing files of the log, oldest first.
func LogPaths(stateDir string) []string {
	var paths []string
	for i := range maxLogFiles {
		path := numberedPath(LogPath(stateDir), maxLogFiles-1-i)
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// numberedPath returns the path of the nth older file of the log; 0 is the current one.
func numberedPath(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, n)
}

// LogFile is a log of limited size: a current file of up to 1 MiB, and two older ones.
// Only the owner can read it. Its writes are not synced, because nothing depends on the
// log.
type LogFile struct {
	mu       sync.Mutex
	path     string
	file     *os.File
	size     int64
	maxBytes int64
}

// OpenLog opens the log in the state folder. It creates both if they do not exist.
func OpenLog(stateDir string) (*LogFile, error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("daemon: the log: %w", err)
	}
	l := &LogFile{path: LogPath(stateDir), maxBytes: maxLogBytes}
	if err := l.openFile(); err != nil {
		return nil, fmt.Errorf("daemon: the log: %w", err)
	}
	return l, nil
}

// openFile opens the current file at its end.
func (l *LogFile) openFile() error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write appends one record. It never splits a record across two files.
func (l *LogFile) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(record)) > l.maxBytes {
		if err := l.startNewFile(); err != nil {
			return 0, fmt.Errorf("daemon: the log: %w", err)
		}
	}
	n, err := l.file.Write(record)
	l.size += int64(n)
	return n, err
}

// startNewFile renames the current file and starts a new one. On Windows a file cannot
// be renamed while someone reads it; the log then continues in the old file.
func (l *LogFile) startNewFile() error {
	if err := l.file.Close(); err != nil {
		return err
	}
	for n := maxLogFiles - 1; n > 0; n-- {
		if err := os.Rename(numberedPath(l.path, n-1), numberedPath(l.path, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return l.openFile()
}

// Close closes the current file.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
