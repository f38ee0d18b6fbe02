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

// tempDir returns a temporary directory whose path contains no symbolic links.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeFile writes a file that is old enough for Read to accept it at once.
func writeFile(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	setAge(t, path, time.Hour)
}

func setAge(t *testing.T, path string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func makeLink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("this system does not allow the test to create symbolic links:", err)
	}
	if _, err := os.Lstat(name); err != nil {
		t.Skip("this system hides the symbolic links that it creates:", err)
	}
}

func makeDir(t *testing.T, dir string) {
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
		{"a link to a file", func(t *testing.T, dir string) { makeLink(t, "real", dir+"/credentials") }},
		{"a relative link through a parent", func(t *testing.T, dir string) {
			makeDir(t, dir+"/sub")
			makeLink(t, "sub/../real", dir+"/credentials")
		}},
		{"a chain of absolute and relative links", func(t *testing.T, dir string) {
			makeDir(t, dir+"/sub")
			makeLink(t, dir+"/sub/two", dir+"/credentials")
			makeLink(t, "../real", dir+"/sub/two")
		}},
		{".. after a link to a directory is the parent of its target", func(t *testing.T, dir string) {
			makeDir(t, dir+"/deep/er")
			makeLink(t, "deep/er", dir+"/d")
			makeLink(t, "d/../../real", dir+"/credentials")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tempDir(t)
			writeFile(t, dir+"/real", text)
			tt.lay(t, dir)
			o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, dir+"/credentials")
			if err != nil {
				t.Fatal(err)
			}
			if o.Real != filepath.Join(dir, "real") || string(o.Data) != text {
				t.Errorf("Read resolved %q and returned %q", o.Real, o.Data)
			}
		})
	}
}

func TestLinkChain(t *testing.T) {
	dir := tempDir(t)
	makeDir(t, dir+"/sub")
	writeFile(t, dir+"/real", text)
	makeLink(t, dir+"/sub/two", dir+"/credentials")
	makeLink(t, "../real", dir+"/sub/two")
	makeLink(t, "sub/gone/file", dir+"/dangling")
	makeLink(t, "loop", dir+"/loop")
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
		{"a dangling link", "does not exist", func(t *testing.T, path string) { makeLink(t, "nothing", path) }},
		{"a link into a missing directory", "does not exist", func(t *testing.T, path string) { makeLink(t, "/nowhere/nothing", path) }},
		{"a link to itself", "loop", func(t *testing.T, path string) { makeLink(t, "credentials", path) }},
		{"two links to each other", "loop", func(t *testing.T, path string) {
			makeLink(t, "b", path)
			makeLink(t, "credentials", filepath.Dir(path)+"/b")
		}},
		{"a directory", "not a regular file", makeDir},
		{"a file of 100 MB", "104857600 bytes", func(t *testing.T, path string) {
			writeFile(t, path, text)
			if err := os.Truncate(path, 100<<20); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tempDir(t) + "/credentials"
			tt.lay(t, path)
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			refused, ok := errors.AsType[*atomicfile.Refused](err)
			if !ok || !strings.Contains(refused.Why, tt.why) || refused.Remedy == "" {
				t.Errorf("got %v, want a *Refused with a remedy", err)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Error("the error of a refused file wraps fs.ErrNotExist")
			}
		})
	}
}

func TestReadReportsMissingFile(t *testing.T) {
	for _, name := range []string{"/credentials", "/no/such/credentials"} {
		if _, err := atomicfile.Read(t.Context(), atomicfile.OS{}, tempDir(t)+name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// In a synctest bubble, time starts in the year 2000. A file that is written there comes
// from the future, so that its age is no reason for Read to wait.
func TestReadWaitsForWriters(t *testing.T) {
	t.Run("a truncated file is read once it is written", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "")
			if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(300*time.Millisecond, func() { writeFile(t, path, text) })
			o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if err != nil || string(o.Data) != text {
				t.Fatalf("read %v, %v", o, err)
			}
		})
	})
	t.Run("a file that stays empty is busy, not missing", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "")
			if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if !errors.Is(err, atomicfile.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if hinted, ok := errors.AsType[interface {
				error
				Hint() string
			}](err); !strings.Contains(err.Error(), "the file is empty, or another program is about to write it") || !ok || hinted.Hint() == "" {
				t.Error(err)
			}
			if d := time.Since(start); d < 5*time.Second || d > 15*time.Second {
				t.Errorf("waited %v", d)
			}
		})
	})
	t.Run("an empty file from the far future is read as empty", func(t *testing.T) {
		path := tempDir(t) + "/config"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "")
			for ahead, want := range map[time.Duration]error{5 * time.Minute: atomicfile.ErrBusy, 365 * 24 * time.Hour: nil} {
				if err := os.Chtimes(path, time.Time{}, time.Now().Add(ahead)); err != nil {
					t.Fatal(err)
				}
				if _, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path); !errors.Is(err, want) {
					t.Errorf("%s ahead: %v, want %v", ahead, err, want)
				}
			}
		})
	})
	t.Run("a file of the far future, truncated, is read once it is written", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "")
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(365*24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(300*time.Millisecond, func() { writeFile(t, path, text) })
			if o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path); err != nil || string(o.Data) != text {
				t.Errorf("read %v, %v", o, err)
			}
		})
	})
	t.Run("an old empty file is read as empty", func(t *testing.T) {
		path := tempDir(t) + "/config"
		writeFile(t, path, "")
		o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
		if err != nil || len(o.Data) != 0 {
			t.Errorf("read %v, %v", o, err)
		}
	})
	t.Run("a cancelled wait returns the cause", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "")
			if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := atomicfile.Read(ctx, atomicfile.OS{}, path); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	})
	t.Run("a file that grows during the reading is read again", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		writeFile(t, path, text)
		grown := false
		sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: func(c atomicfiletest.Call) error {
			if c.Op == "ReadAt" && !grown {
				grown = true
				writeFile(t, path, text+"region = eu-west-1\n")
			}
			return nil
		}}
		o, err := atomicfile.Read(t.Context(), sys, path)
		if err != nil || string(o.Data) != text+"region = eu-west-1\n" {
			t.Errorf("read %v, %v", o, err)
		}
	})
	t.Run("a file that was written this instant is read twice", func(t *testing.T) {
		path := tempDir(t) + "/credentials"
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, text)
			setAge(t, path, 0)
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
