package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	logSize  = 1 << 20 // bytes after which a new file is begun
	logFiles = 3       // the present one and those before it
)

// LogPath is where the log of the daemon stands on systems without a journal.
func LogPath(state string) string { return filepath.Join(state, "keyd.log") }

// LogPaths are all the files of a log, the present one last. Those that do not
// exist are left out.
func LogPaths(state string) []string {
	var paths []string
	for i := range logFiles {
		path := turned(LogPath(state), logFiles-1-i)
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

func turned(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, n)
}

// LogFile is a file that does not grow for ever: 1 MiB, and two older ones. It
// is readable by its owner only. Nothing is synced: it is a log, not a record.
type LogFile struct {
	mu   sync.Mutex
	path string
	file *os.File
	size int64
	most int64
}

// OpenLog opens or creates the log in the state folder, which is created too.
func OpenLog(state string) (*LogFile, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("daemon: the log: %w", err)
	}
	l := &LogFile{path: LogPath(state), most: logSize}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("daemon: the log: %w", err)
	}
	return l, nil
}

func (l *LogFile) open() error {
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

// Write appends one record; records are never cut in two by a new file.
func (l *LogFile) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(record)) > l.most {
		if err := l.turn(); err != nil {
			return 0, fmt.Errorf("daemon: the log: %w", err)
		}
	}
	n, err := l.file.Write(record)
	l.size += int64(n)
	return n, err
}

// turn begins a new file. On Windows a file that somebody reads cannot be
// renamed: the log then goes on in the old one.
func (l *LogFile) turn() error {
	if err := l.file.Close(); err != nil {
		return err
	}
	for n := logFiles - 1; n > 0; n-- {
		if err := os.Rename(turned(l.path, n-1), turned(l.path, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return l.open()
}

// Close closes the file.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
