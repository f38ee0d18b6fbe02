package install

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// putProgram makes a program and the links to it.
func putProgram(t *testing.T, home, real string, links ...string) {
	t.Helper()
	real = filepath.Join(home, real)
	if err := os.MkdirAll(filepath.Dir(real), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(real, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		link = filepath.Join(home, link)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		target, err := filepath.Rel(filepath.Dir(link), real)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(link); err != nil && runtime.GOOS == "windows" {
			t.Skip("wine makes links and does not follow them")
		}
	}
}

// makeLastingFolder is a folder that is in no temporary place by name.
func makeLastingFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(".", "lasting-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	dir, err = filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := Host{Getenv: os.Getenv, Home: dir}
	if place := h.temporaryPlace(dir); place != "" {
		t.Skipf("the source itself is %s", place)
	}
	return dir
}

func TestProgramIsTheNameThatStays(t *testing.T) {
	tests := []struct {
		name, real string
		links      []string
		path, want string
	}{
		{"as it is", "bin/keyd", nil, "bin", "bin/keyd"},
		{"a link by another name", "opt/keyd-1.0/keyd-1.0-linux", []string{"bin/keyd"}, "bin", "bin/keyd"},
		{"not on PATH", "opt/tools/keyd", nil, "bin", "opt/tools/keyd"},
		{"a link on PATH to a version's folder", "opt/keyd-1.0/keyd", []string{"bin/keyd"}, "bin", "bin/keyd"},
		{"Homebrew formula", "brew/Cellar/keyd-aws/1.0/bin/keyd", []string{"brew/opt/keyd-aws/bin/keyd", "brew/bin/keyd"}, "brew/bin", "brew/opt/keyd-aws/bin/keyd"},
		{"Homebrew cask", "brew/Caskroom/keyd-aws/1.0/keyd", []string{"brew/bin/keyd"}, "brew/bin", "brew/bin/keyd"},
		{"Homebrew, called in the Cellar itself", "brew/Cellar/keyd-aws/1.0/bin/keyd", []string{"brew/opt/keyd-aws/bin/keyd"}, "brew/Cellar/keyd-aws/1.0/bin", "brew/opt/keyd-aws/bin/keyd"},
		{"Scoop", "scoop/apps/keyd/1.0/keyd", []string{"scoop/apps/keyd/current/keyd"}, "scoop/shims", "scoop/apps/keyd/current/keyd"},
		{"another keyd on PATH", "opt/keyd", nil, "other", "opt/keyd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := makeLastingFolder(t)
			putProgram(t, home, "other/keyd")
			putProgram(t, home, test.real, test.links...)
			h := newHost(t, runtime.GOOS).withEnv(map[string]string{"PATH": filepath.Join(home, test.path)})
			h.Executable = filepath.Join(home, test.real)
			got, err := h.Program()
			if err != nil || got != filepath.Join(home, test.want) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

func TestProgramThatWillBeGoneIsRefused(t *testing.T) {
	home := makeLastingFolder(t)
	for name, path := range map[string]string{
		"a download":     filepath.Join(home, "Downloads", "keyd"),
		"go run":         filepath.Join(home, "cache", "go-build123", "b001", "exe", "keyd"),
		"temporary":      filepath.Join(home, "tmp", "keyd"),
		"behind a link":  filepath.Join(home, "bin", "keyd"),
		"a line feed in": filepath.Join(home, "new\nline", "keyd"),
		"a quote in":     filepath.Join(home, "Bob's", "keyd"),
	} {
		t.Run(name, func(t *testing.T) {
			if strings.ContainsAny(path, "\n'") && runtime.GOOS != "linux" {
				t.Skip("only a unit cannot hold such names, or they do not exist")
			}
			relative, err := filepath.Rel(home, path)
			if err != nil {
				t.Fatal(err)
			}
			if name == "behind a link" {
				putProgram(t, home, "tmp/behind/keyd", relative)
			} else {
				putProgram(t, home, relative)
			}
			h := newHost(t, "linux").withEnv(map[string]string{"TMPDIR": filepath.Join(home, "tmp"), "PATH": filepath.Join(home, "bin")})
			h.Home, h.Executable = home, path
			got, err := h.Program()
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || refused.Instead == "" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
