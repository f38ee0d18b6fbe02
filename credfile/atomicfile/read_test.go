package atomicfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

const text = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"

// home returns a directory whose path has no links in it.
func home(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// put writes a file that is old enough to be believed at once.
func put(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, path, time.Hour)
}

func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("this system lets the test make no symbolic links:", err)
	}
	if _, err := os.Lstat(name); err != nil {
		t.Skip("this system hides the symbolic links that it makes:", err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestReadFollowsLinks(t *testing.T) {
	for _, tt := range []struct {
		name string
		lay  func(t *testing.T, dir string)
	}{
		{"a file", func(t *testing.T, dir string) { link(t, "real", dir+"/credentials") }},
		{"43 a relative link through a parent", func(t *testing.T, dir string) {
			mkdir(t, dir+"/sub")
			link(t, "sub/../real", dir+"/credentials")
		}},
		{"43 a chain of absolute and relative links", func(t *testing.T, dir string) {
			mkdir(t, dir+"/sub")
			link(t, dir+"/sub/two", dir+"/credentials")
			link(t, "../real", dir+"/sub/two")
		}},
		{"43 .. behind a directory link is the parent of where it leads", func(t *testing.T, dir string) {
			mkdir(t, dir+"/deep/er")
			link(t, "deep/er", dir+"/d")
			link(t, "d/../../real", dir+"/credentials")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := home(t)
			put(t, dir+"/real", text)
			tt.lay(t, dir)
			o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, dir+"/credentials")
			if err != nil {
				t.Fatal(err)
			}
			if o.Real != filepath.Join(dir, "real") || string(o.Data) != text {
				t.Errorf("read %q with %q", o.Real, o.Data)
			}
		})
	}
}

func TestLinkChain(t *testing.T) {
	dir := home(t)
	mkdir(t, dir+"/sub")
	put(t, dir+"/real", text)
	link(t, dir+"/sub/two", dir+"/credentials")
	link(t, "../real", dir+"/sub/two")
	link(t, "sub/gone/file", dir+"/dangling")
	link(t, "loop", dir+"/loop")
	for name, want := range map[string][]string{
		"real":        {"real"},
		"credentials": {"credentials", "sub/two", "real"},
		"dangling":    {"dangling", "sub/gone"},
		"none/file":   {"none"},
		"loop":        slices.Repeat([]string{"loop"}, 41),
	} {
		var got []string
		for _, path := range atomicfile.LinkChain(atomicfile.OS{}, filepath.Join(dir, name)) {
			inside, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, filepath.ToSlash(inside))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the chain of %s is %q, want %q", name, got, want)
		}
	}
}

func TestReadRefusesAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name, why string
		lay       func(t *testing.T, path string)
	}{
		{"44 a dangling link", "does not exist", func(t *testing.T, path string) { link(t, "nothing", path) }},
		{"44 a link into a missing directory", "does not exist", func(t *testing.T, path string) { link(t, "/nowhere/nothing", path) }},
		{"44 a link to itself", "loop", func(t *testing.T, path string) { link(t, "credentials", path) }},
		{"44 two links to each other", "loop", func(t *testing.T, path string) { link(t, "b", path); link(t, "credentials", filepath.Dir(path)+"/b") }},
		{"55 a directory", "not a regular file", mkdir},
		{"55 100 MB", "104857600 bytes", func(t *testing.T, path string) {
			put(t, path, text)
			if err := os.Truncate(path, 100<<20); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := home(t) + "/credentials"
			tt.lay(t, path)
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			refused, ok := errors.AsType[*atomicfile.Refused](err)
			if !ok || !strings.Contains(refused.Why, tt.why) || refused.Remedy == "" {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Error("a refused file counts as missing")
			}
		})
	}
}

func TestReadMissing(t *testing.T) {
	for _, name := range []string{"/credentials", "/no/such/credentials"} {
		if _, err := atomicfile.Read(t.Context(), atomicfile.OS{}, home(t)+name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// In the bubble time starts in the year 2000, so that a file that is written
// now comes from the future and its age is no reason to wait.
func TestReadWaitsForWriters(t *testing.T) {
	t.Run("38 a truncated file is waited for", func(t *testing.T) {
		path := home(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(300*time.Millisecond, func() { put(t, path, text) })
			o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if err != nil || string(o.Data) != text {
				t.Fatalf("read %v, %v", o, err)
			}
		})
	})
	t.Run("38 a file that stays empty is busy, not gone", func(t *testing.T) {
		path := home(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if !errors.Is(err, atomicfile.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if d := time.Since(start); d < 5*time.Second || d > 15*time.Second {
				t.Errorf("waited %v", d)
			}
		})
	})
	t.Run("an empty file that is old is empty", func(t *testing.T) {
		path := home(t) + "/config"
		put(t, path, "")
		o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
		if err != nil || len(o.Data) != 0 {
			t.Errorf("read %v, %v", o, err)
		}
	})
	t.Run("a cancelled wait says so", func(t *testing.T) {
		path := home(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := atomicfile.Read(ctx, atomicfile.OS{}, path); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	})
	t.Run("a file that grows while it is read is read again", func(t *testing.T) {
		path := home(t) + "/credentials"
		put(t, path, text)
		grown := false
		sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: func(c atomicfiletest.Call) error {
			if c.Op == "ReadAt" && !grown {
				grown = true
				put(t, path, text+"region = eu-west-1\n")
			}
			return nil
		}}
		o, err := atomicfile.Read(t.Context(), sys, path)
		if err != nil || string(o.Data) != text+"region = eu-west-1\n" {
			t.Errorf("read %v, %v", o, err)
		}
	})
	t.Run("a file that was written this instant is looked at twice", func(t *testing.T) {
		path := home(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			put(t, path, text)
			age(t, path, 0)
			opened := 0
			sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: func(c atomicfiletest.Call) error {
				if c.Op == "OpenFile" {
					opened++
				}
				return nil
			}}
			if _, err := atomicfile.Read(t.Context(), sys, path); err != nil || opened < 2 {
				t.Errorf("opened %d times, %v", opened, err)
			}
		})
	})
}
