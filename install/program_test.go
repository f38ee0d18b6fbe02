package install

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// putProgram makes a program and links to it, all below home.
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
			t.Skip("wine makes links but does not follow them")
		}
	}
}

// makeLastingFolder returns a new folder whose path does not look temporary.
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
		t.Skipf("the source code itself is %s", place)
	}
	return dir
}

func TestProgramReturnsThePathThatSurvivesUpgrades(t *testing.T) {
	tests := []struct {
		name, real string
		links      []string
		path, want string
	}{
		{"a plain file", "bin/keyd", nil, "bin", "bin/keyd"},
		{"a link with another name", "opt/keyd-1.0/keyd-1.0-linux", []string{"bin/keyd"}, "bin", "bin/keyd"},
		{"a program that is not on PATH", "opt/tools/keyd", nil, "bin", "opt/tools/keyd"},
		{"a link on PATH to a version's folder", "opt/keyd-1.0/keyd", []string{"bin/keyd"}, "bin", "bin/keyd"},
		{"Homebrew formula", "brew/Cellar/keyd-aws/1.0/bin/keyd", []string{"brew/opt/keyd-aws/bin/keyd", "brew/bin/keyd"}, "brew/bin", "brew/opt/keyd-aws/bin/keyd"},
		{"Homebrew cask", "brew/Caskroom/keyd-aws/1.0/keyd", []string{"brew/bin/keyd"}, "brew/bin", "brew/bin/keyd"},
		{"Homebrew, called from the Cellar", "brew/Cellar/keyd-aws/1.0/bin/keyd", []string{"brew/opt/keyd-aws/bin/keyd"}, "brew/Cellar/keyd-aws/1.0/bin", "brew/opt/keyd-aws/bin/keyd"},
		{"Scoop", "scoop/apps/keyd/1.0/keyd", []string{"scoop/apps/keyd/current/keyd"}, "scoop/shims", "scoop/apps/keyd/current/keyd"},
		{"another keyd is on PATH", "opt/keyd", nil, "other", "opt/keyd"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := makeLastingFolder(t)
			putProgram(t, home, "other/keyd")
			putProgram(t, home, test.real, test.links...)
			h := newHost(t, runtime.GOOS).withEnv(map[string]string{"PATH": filepath.Join(home, test.path)})
			h.Executable = filepath.Join(home, test.real)
			got, err := h.lastingPath()
			if err != nil || got != filepath.Join(home, test.want) {
				t.Errorf("program %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestProgramRefusesTemporaryAndUnprintablePaths(t *testing.T) {
	home := makeLastingFolder(t)
	for name, path := range map[string]string{
		"in the Downloads folder":             filepath.Join(home, "Downloads", "keyd"),
		"built by go run":                     filepath.Join(home, "cache", "go-build123", "b001", "exe", "keyd"),
		"in a temporary folder":               filepath.Join(home, "tmp", "keyd"),
		"behind a link to a temporary folder": filepath.Join(home, "bin", "keyd"),
		"a line feed in the path":             filepath.Join(home, "new\nline", "keyd"),
		"a quote in the path":                 filepath.Join(home, "Bob's", "keyd"),
	} {
		t.Run(name, func(t *testing.T) {
			if strings.ContainsAny(path, "\n'") && runtime.GOOS != "linux" {
				t.Skip("only a unit cannot hold this path, or this system has no such path")
			}
			relative, err := filepath.Rel(home, path)
			if err != nil {
				t.Fatal(err)
			}
			if name == "behind a link to a temporary folder" {
				putProgram(t, home, "tmp/behind/keyd", relative)
			} else {
				putProgram(t, home, relative)
			}
			h := newHost(t, "linux").withEnv(map[string]string{"TMPDIR": filepath.Join(home, "tmp"), "PATH": filepath.Join(home, "bin")})
			h.Home, h.Executable = home, path
			got, err := h.Program()
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok || refused.Instead == "" {
				t.Errorf("program %q, error %v; want a refusal with a hint", got, err)
			}
		})
	}
}
