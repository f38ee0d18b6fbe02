package state

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestLogSizeIsLimited(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	l, err := OpenLog(state)
	must(t, err)
	l.maxBytes = 1000
	for i := range 100 {
		if i == 50 { // a new process continues in the same file
			must(t, l.Close())
			l, err = OpenLog(state)
			must(t, err)
			l.maxBytes = 1000
		}
		if _, err := l.Write([]byte(strings.Repeat("x", 99) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("the last line\n")); err != nil {
		t.Fatal(err)
	}
	must(t, l.Close())
	paths := LogPaths(state)
	if len(paths) != maxLogFiles || paths[len(paths)-1] != LogPath(state) {
		t.Fatalf("the files of the log are %q", paths)
	}
	for i, path := range paths {
		info, err := os.Stat(path)
		must(t, err)
		if info.Size() > 1000 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, %s", path, info.Size(), info.Mode())
		}
		data, err := os.ReadFile(path)
		must(t, err)
		if last := i == len(paths)-1; strings.HasSuffix(string(data), "the last line\n") != last || len(data)%100 != 0 && !last {
			t.Errorf("%s has a divided record, or is out of order", path)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
