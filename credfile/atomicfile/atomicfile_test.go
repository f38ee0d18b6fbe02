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

func read(t *testing.T, sys atomicfile.Sys, path string) *atomicfile.Original {
	t.Helper()
	o, err := atomicfile.Read(t.Context(), sys, path)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// replaced replaces path and fails the test unless Writable foretold the way,
// the bytes are there and nothing is left over.
func replaced(t *testing.T, sys atomicfile.Sys, path, data string, want atomicfile.Way) {
	t.Helper()
	before := names(t, path)
	o := read(t, sys, path)
	if way, err := o.Writable(); err != nil || way != want {
		t.Errorf("before: %v, %v, want %v", way, err, want)
	}
	if get(t, path) != string(o.Data) {
		t.Error("the preflight changed the file")
	}
	w, err := o.Replace(t.Context(), []byte(data))
	if err != nil || w.Way != want || w.Stray != nil {
		t.Errorf("%v, %v, want %v", w, err, want)
	}
	if got := get(t, path); got != data {
		t.Errorf("file holds %q", got)
	}
	if after := names(t, path); !slices.Equal(before, after) {
		t.Errorf("directory had %q, has %q", before, after)
	}
}

// names lists the directory that path stands in.
func names(t *testing.T, path string) []string {
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

// asking returns the real file system with a question before each call.
func asking(ask func(atomicfiletest.Call) error) atomicfile.Sys {
	return &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: ask}
}

func TestReplaceKeepsLinks(t *testing.T) {
	dir := home(t)
	mkdir(t, dir+"/dotfiles")
	mkdir(t, dir+"/.aws")
	put(t, dir+"/dotfiles/creds", text)
	link(t, "two", dir+"/.aws/credentials")
	link(t, "../dotfiles/creds", dir+"/.aws/two")
	replaced(t, atomicfile.OS{}, dir+"/.aws/credentials", "43 new\n", atomicfile.Renamed)
	for name, want := range map[string]string{"credentials": "two", "two": "../dotfiles/creds"} {
		if got, err := os.Readlink(filepath.Join(dir, ".aws", name)); err != nil || filepath.ToSlash(got) != want {
			t.Errorf("%s leads to %q, %v", name, got, err)
		}
	}
	if got := get(t, dir+"/dotfiles/creds"); got != "43 new\n" {
		t.Errorf("the target holds %q", got)
	}
}

func TestReplaceHardLinks(t *testing.T) {
	dir := home(t)
	path := dir + "/credentials"
	put(t, path, text)
	if err := os.Link(path, dir+"/other"); err != nil {
		t.Skip("this file system has no hard links:", err)
	}
	for _, data := range []string{strings.ToUpper(text), "49 shorter\n", "49 longer\n" + text + text} {
		replaced(t, atomicfile.OS{}, path, data, atomicfile.InPlace)
		if got := get(t, dir+"/other"); got != data {
			t.Errorf("the other name shows %q", got)
		}
	}
}

// The bytes of the new file are durable before it takes the name, and the name
// before the replacement is reported; the file is private from its first
// moment and stands where the target does.
func TestReplaceOrder(t *testing.T) {
	dir := home(t)
	path := filepath.Join(dir, "credentials")
	put(t, path, text)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var calls []string
	sys := asking(func(c atomicfiletest.Call) error {
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
			t.Errorf("45, 56 wrote to %s", c.Name)
		}
		if c.Op == "Write" || c.Op == "CopyMeta" {
			if fi, err := os.Stat(c.Name); err != nil || fi.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
				t.Errorf("45 the new file has %v, %v", fi, err)
			}
		}
		calls = append(calls, c.Op+" "+name)
		return nil
	})
	o := read(t, sys, path)
	calls = nil
	if _, err := o.Replace(t.Context(), []byte("new\n")); err != nil {
		t.Fatal(err)
	}
	calls = slices.DeleteFunc(calls, func(c string) bool { return c == "Close target" })
	want := []string{"Write temp", "Sync temp", "Close temp", "CopyMeta temp", "Sync temp", "Close temp", "Exchange target", "SyncDir directory", "Remove temp"}
	if !exchanges(t, dir) {
		want = append(want[:len(want)-2], "Rename target", "SyncDir directory")
	}
	if !slices.Equal(calls, want) {
		t.Errorf("got %q\nwant %q", calls, want)
	}
}

func TestReplaceSeesChanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"39 other bytes", func(t *testing.T, dir string) { put(t, dir+"/real", "other\n") }},
		{"39 truncated by a writer", func(t *testing.T, dir string) { put(t, dir+"/real", "") }},
		{"the same bytes in another file", func(t *testing.T, dir string) {
			put(t, dir+"/x", text)
			if err := os.Rename(dir+"/x", dir+"/real"); err != nil {
				t.Fatal(err)
			}
		}},
		{"removed", func(t *testing.T, dir string) { os.Remove(dir + "/real") }},
		{"the link leads elsewhere", func(t *testing.T, dir string) {
			put(t, dir+"/elsewhere", text)
			os.Remove(dir + "/credentials")
			link(t, "elsewhere", dir+"/credentials")
		}},
	} {
		for _, when := range []string{"before", "while the new file is written"} {
			t.Run(tt.name+" "+when, func(t *testing.T) {
				dir := home(t)
				put(t, dir+"/real", text)
				link(t, "real", dir+"/credentials")
				armed := false
				sys := asking(func(c atomicfiletest.Call) error {
					if armed && c.Op == "Sync" {
						armed = false
						tt.change(t, dir)
					}
					return nil
				})
				o := read(t, sys, dir+"/credentials")
				if when == "before" {
					tt.change(t, dir)
				} else {
					armed = true
				}
				after := func() string { b, _ := os.ReadFile(dir + "/credentials"); return string(b) }
				w, err := o.Replace(t.Context(), []byte("new\n"))
				if !errors.Is(err, atomicfile.ErrChanged) || w.Way != atomicfile.Nowhere {
					t.Errorf("%v, %v", w, err)
				}
				if after() == "new\n" {
					t.Error("the change was overwritten")
				}
				if strings.Contains(strings.Join(names(t, dir+"/real"), " "), ".keyd-") {
					t.Error("left", names(t, dir+"/real"))
				}
			})
		}
	}
}

// 40: what a program writes into the old file after the new one has taken its
// name is handed back.
func TestReplaceReturnsStrayWrites(t *testing.T) {
	if filepath.Separator == '\\' {
		t.Skip("Windows renames over no file that another program writes")
	}
	for _, tt := range []struct {
		name, takes string
		open        int
		ask         func(atomicfiletest.Call) error
	}{
		{"opened before the exchange", "Exchange", os.O_WRONLY, fine},
		{"truncated before the rename", "Rename", os.O_WRONLY | os.O_TRUNC, unexchanged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(home(t), "credentials")
			put(t, path, text)
			synctest.Test(t, func(t *testing.T) {
				var writer *os.File
				sys := asking(func(c atomicfiletest.Call) (err error) {
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
				w, err := read(t, sys, path).Replace(t.Context(), []byte("new\n"))
				if err != nil || string(w.Stray) != "[other]\n" || get(t, path) != "new\n" {
					t.Errorf("%v, stray %q, file %q", err, w.Stray, get(t, path))
				}
			})
		})
	}
}

func TestReplaceCancelled(t *testing.T) {
	path := filepath.Join(home(t), "credentials")
	put(t, path, text)
	o := read(t, atomicfile.OS{}, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Replace(ctx, []byte("new\n")); !errors.Is(err, context.Canceled) || get(t, path) != text || len(names(t, path)) != 1 {
		t.Errorf("%v, %q", err, names(t, path))
	}
}

func TestSweep(t *testing.T) {
	dir := home(t)
	path := dir + "/credentials"
	for _, name := range []string{"credentials", ".credentials.keyd-0123456789abcdef", ".credentials.keyd-notes",
		".config.keyd-0123456789abcdef", ".credentials.keyd-0123456789abcdef.bak"} {
		put(t, filepath.Join(dir, name), text)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
		t.Fatal(err)
	}
	want := []string{".config.keyd-0123456789abcdef", ".credentials.keyd-0123456789abcdef.bak", ".credentials.keyd-notes", "credentials"}
	if got := names(t, path); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, dir+"/none/credentials"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
