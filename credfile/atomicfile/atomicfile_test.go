package atomicfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

func mustRead(t *testing.T, sys atomicfile.Sys, path string) *atomicfile.Original {
	t.Helper()
	o, err := atomicfile.Read(t.Context(), sys, path)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// checkReplace replaces the bytes of path. It fails the test unless Writable predicted the
// way, the file holds data, and no other file is left behind.
func checkReplace(t *testing.T, sys atomicfile.Sys, path, data string, want atomicfile.Way) {
	t.Helper()
	before := listDir(t, path)
	o := mustRead(t, sys, path)
	if way, err := o.CheckWritable(); err != nil || way != want {
		t.Errorf("Writable: %v, %v, want %v", way, err, want)
	}
	if readFile(t, path) != string(o.Data) {
		t.Error("Writable changed the file")
	}
	w, err := o.Replace(t.Context(), []byte(data))
	if err != nil || w.Way != want || w.Stray != nil {
		t.Errorf("Replace: %v, %v, want %v", w, err, want)
	}
	if got := readFile(t, path); got != data {
		t.Errorf("the file holds %q", got)
	}
	if after := listDir(t, path); !slices.Equal(before, after) {
		t.Errorf("the directory had %q and now has %q", before, after)
	}
}

// listDir lists the directory that contains path.
func listDir(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// askBefore returns the real file system, which calls ask before each system call.
func askBefore(ask func(atomicfiletest.Call) error) atomicfile.Sys {
	return &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: ask}
}

func TestReplaceKeepsLinks(t *testing.T) {
	dir := tempDir(t)
	makeDir(t, dir+"/dotfiles")
	makeDir(t, dir+"/.aws")
	writeFile(t, dir+"/dotfiles/creds", text)
	makeLink(t, "two", dir+"/.aws/credentials")
	makeLink(t, "../dotfiles/creds", dir+"/.aws/two")
	checkReplace(t, atomicfile.OS{}, dir+"/.aws/credentials", "new\n", atomicfile.Renamed)
	for name, want := range map[string]string{"credentials": "two", "two": "../dotfiles/creds"} {
		if got, err := os.Readlink(filepath.Join(dir, ".aws", name)); err != nil || filepath.ToSlash(got) != want {
			t.Errorf("the link %s points to %q, %v", name, got, err)
		}
	}
	if got := readFile(t, dir+"/dotfiles/creds"); got != "new\n" {
		t.Errorf("the target of the links holds %q", got)
	}
}

func TestReplaceKeepsHardLinks(t *testing.T) {
	dir := tempDir(t)
	path := dir + "/credentials"
	writeFile(t, path, text)
	if err := os.Link(path, dir+"/other"); err != nil {
		t.Skip("this file system has no hard links:", err)
	}
	for _, data := range []string{strings.ToUpper(text), "shorter\n", "longer\n" + text + text} {
		checkReplace(t, atomicfile.OS{}, path, data, atomicfile.InPlace)
		if got := readFile(t, dir+"/other"); got != data {
			t.Errorf("the other name shows %q", got)
		}
	}
}

// TestReplaceSyncsInOrder: the bytes of the new file are durable before it takes the name,
// and the name is durable before Replace returns. The file is private from its first moment
// and is in the directory of the target.
func TestReplaceSyncsInOrder(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "credentials")
	writeFile(t, path, text)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var calls []string
	sys := askBefore(func(c atomicfiletest.Call) error {
		if c.Op == "OpenFile" || !c.Changes() {
			return nil
		}
		name := "temp"
		switch {
		case c.Name == path:
			name = "target"
		case c.Name == dir:
			name = "directory"
		case !regexp.MustCompile(`^\.credentials\.keyd-[0-9a-f]{16}$`).MatchString(filepath.Base(c.Name)) || filepath.Dir(c.Name) != dir:
			t.Errorf("%s of %s, which is no temporary file of the target", c.Op, c.Name)
		}
		if c.Op == "Write" || c.Op == "CopyMeta" {
			if fi, err := os.Stat(c.Name); err != nil || fi.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
				t.Errorf("the new file is not private: %v, %v", fi, err)
			}
		}
		calls = append(calls, c.Op+" "+name)
		return nil
	})
	o := mustRead(t, sys, path)
	calls = nil
	if _, err := o.Replace(t.Context(), []byte("new\n")); err != nil {
		t.Fatal(err)
	}
	calls = slices.DeleteFunc(calls, func(c string) bool { return c == "Close target" })
	want := []string{"Write temp", "Sync temp", "Close temp", "CopyMeta temp", "Sync temp", "Close temp", "Exchange target", "SyncDir directory", "Remove temp"}
	if !canExchange(t, dir) {
		want = append(want[:len(want)-2], "Rename target", "SyncDir directory")
	}
	if !slices.Equal(calls, want) {
		t.Errorf("got %q\nwant %q", calls, want)
	}
}

func TestReplaceNoticesChanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"other bytes", func(t *testing.T, dir string) { writeFile(t, dir+"/real", "other\n") }},
		{"truncated by a writer", func(t *testing.T, dir string) { writeFile(t, dir+"/real", "") }},
		{"the same bytes in another file", func(t *testing.T, dir string) {
			writeFile(t, dir+"/x", text)
			if err := os.Rename(dir+"/x", dir+"/real"); err != nil {
				t.Fatal(err)
			}
		}},
		{"removed", func(t *testing.T, dir string) { os.Remove(dir + "/real") }},
		{"the link points to another file", func(t *testing.T, dir string) {
			writeFile(t, dir+"/elsewhere", text)
			os.Remove(dir + "/credentials")
			makeLink(t, "elsewhere", dir+"/credentials")
		}},
	} {
		for _, when := range []string{"before", "while the new file is written"} {
			t.Run(tt.name+" "+when, func(t *testing.T) {
				dir := tempDir(t)
				writeFile(t, dir+"/real", text)
				makeLink(t, "real", dir+"/credentials")
				armed := false
				sys := askBefore(func(c atomicfiletest.Call) error {
					if armed && c.Op == "Sync" {
						armed = false
						tt.change(t, dir)
					}
					return nil
				})
				o := mustRead(t, sys, dir+"/credentials")
				if when == "before" {
					tt.change(t, dir)
				} else {
					armed = true
				}
				after := func() string { b, _ := os.ReadFile(dir + "/credentials"); return string(b) }
				w, err := o.Replace(t.Context(), []byte("new\n"))
				if !errors.Is(err, atomicfile.ErrChanged) || w.Way != atomicfile.NotWritten {
					t.Errorf("%v, %v", w, err)
				}
				if after() == "new\n" {
					t.Error("the change was overwritten")
				}
				if strings.Contains(strings.Join(listDir(t, dir+"/real"), " "), ".keyd-") {
					t.Error("a temporary file is left:", listDir(t, dir+"/real"))
				}
			})
		}
	}
}

// TestReplaceReturnsStrayWrites: Replace returns what a program writes into the old file
// after the new one has taken its name.
func TestReplaceReturnsStrayWrites(t *testing.T) {
	if filepath.Separator == '\\' {
		t.Skip("Windows does not rename over a file that another program has open for writing")
	}
	for _, tt := range []struct {
		name, takes string
		open        int
		ask         func(atomicfiletest.Call) error
	}{
		{"opened before the exchange", "Exchange", os.O_WRONLY, allowAll},
		{"truncated before the rename", "Rename", os.O_WRONLY | os.O_TRUNC, refuseExchange},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "credentials")
			writeFile(t, path, text)
			synctest.Test(t, func(t *testing.T) {
				var writer *os.File
				sys := askBefore(func(c atomicfiletest.Call) (err error) {
					switch c.Op {
					case tt.takes:
						writer, err = os.OpenFile(path, tt.open, 0)
					case "SyncDir":
						err = writer.Truncate(0)
						if err == nil {
							_, err = writer.WriteString("[other]\n")
						}
						if err == nil {
							err = writer.Close()
						}
					}
					return errors.Join(err, tt.ask(c))
				})
				w, err := mustRead(t, sys, path).Replace(t.Context(), []byte("new\n"))
				if err != nil || string(w.Stray) != "[other]\n" || readFile(t, path) != "new\n" {
					t.Errorf("%v, stray %q, file %q", err, w.Stray, readFile(t, path))
				}
			})
		})
	}
}

func TestReplaceStopsWhenCancelled(t *testing.T) {
	path := filepath.Join(tempDir(t), "credentials")
	writeFile(t, path, text)
	o := mustRead(t, atomicfile.OS{}, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Replace(ctx, []byte("new\n")); !errors.Is(err, context.Canceled) || readFile(t, path) != text || len(listDir(t, path)) != 1 {
		t.Errorf("%v, the directory has %q", err, listDir(t, path))
	}
}

func TestSweepRemovesOnlyTempFiles(t *testing.T) {
	dir := tempDir(t)
	path := dir + "/credentials"
	for _, name := range []string{"credentials", ".credentials.keyd-0123456789abcdef", ".credentials.keyd-notes",
		".config.keyd-0123456789abcdef", ".credentials.keyd-0123456789abcdef.bak"} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
		t.Fatal(err)
	}
	want := []string{".config.keyd-0123456789abcdef", ".credentials.keyd-0123456789abcdef.bak", ".credentials.keyd-notes", "credentials"}
	if got := listDir(t, path); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, dir+"/none/credentials"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
