package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

func TestWriteReplacesAtomically(t *testing.T) {
	dir := tempDir(t)
	path := dir + "/status.json"
	var calls []string
	sys := askBefore(func(c atomicfiletest.Call) error {
		calls = append(calls, c.Op)
		return nil
	})
	for _, data := range []string{"created\n", "replaced\n", ""} {
		calls = nil
		if err := atomicfile.Write(sys, path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != data {
			t.Errorf("the file holds %q", got)
		}
		want := []string{"OpenFile", "Write", "Sync", "Close", "Rename", "SyncDir"}
		if !slices.Equal(calls, want) {
			t.Errorf("called %q", calls)
		}
	}
	if fi, err := os.Stat(path); err != nil || filepath.Separator == '/' && fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if got := listDir(t, path); !slices.Equal(got, []string{"status.json"}) {
		t.Errorf("the directory has %q", got)
	}
}

func TestAppendAddsOneLine(t *testing.T) {
	for _, tt := range []struct{ name, before, line, after string }{
		{"to a new file", "", "one", "one\n"},
		{"to a whole line", "one\n", "two", "one\ntwo\n"},
		{"a line that has its end", "one\n", "two\n", "one\ntwo\n"},
		{"below a torn line", "one\n{\"to", "two", "one\n{\"to\ntwo\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tempDir(t) + "/history.jsonl"
			if tt.before != "" {
				writeFile(t, path, tt.before)
			}
			var calls []string
			sys := askBefore(func(c atomicfiletest.Call) error {
				if c.Changes() {
					calls = append(calls, c.Op)
				}
				return nil
			})
			if err := atomicfile.Append(sys, path, []byte(tt.line), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := readFile(t, path); got != tt.after {
				t.Errorf("got %q, want %q", got, tt.after)
			}
			if want := []string{"OpenFile", "Write", "Sync", "Close", "SyncDir"}; !slices.Equal(calls, want) {
				t.Errorf("called %q", calls)
			}
		})
	}
}

func TestMkdirAllSyncsEachParent(t *testing.T) {
	dir := tempDir(t)
	makeDir(t, dir+"/real")
	makeLink(t, "real", dir+"/link")
	var synced []string
	sys := askBefore(func(c atomicfiletest.Call) error {
		if c.Op == "SyncDir" {
			synced = append(synced, c.Name)
		}
		return nil
	})
	if err := atomicfile.MkdirAll(sys, dir+"/link/a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir + "/real/a/b"); err != nil || !fi.IsDir() || filepath.Separator == '/' && fi.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", fi, err)
	}
	if want := []string{filepath.Join(dir, "link"), filepath.Join(dir, "link", "a")}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	if err := atomicfile.MkdirAll(sys, dir+"/link/a/b", 0o700); err != nil {
		t.Error("the second call failed:", err)
	}
	writeFile(t, dir+"/file", text)
	if err := atomicfile.MkdirAll(sys, dir+"/file", 0o700); err == nil {
		t.Error("MkdirAll accepted a file")
	}
	makeLink(t, "gone", dir+"/dangling")
	if _, ok := errors.AsType[*atomicfile.Refused](atomicfile.MkdirAll(sys, dir+"/dangling/x", 0o700)); !ok {
		t.Error("MkdirAll followed a dangling link")
	}
}
