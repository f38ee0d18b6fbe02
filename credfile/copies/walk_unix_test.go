//go:build linux || darwin

package copies

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingThatMayHangIsOpened puts FIFOs, sockets and links where files are searched. A
// search that opens one of them to read never ends.
func TestNothingThatMayHangIsOpened(t *testing.T) {
	home := writeTree(t, map[string]string{"p/.env": testID, "q/x": "x", "out/secret": testID})
	outside := writeTree(t, map[string]string{"zshrc": testID})
	fifo := filepath.Join(home, "p", "fifo.env")
	for _, path := range []string{fifo, filepath.Join(home, ".bashrc")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"p/up": "..", "p/self": ".", "p/me": filepath.Join(home, "p"), "p/fifo.link": "fifo.env", "p/null": "/dev/null", "p/usr": "/usr/bin/env",
		"q/loop": "loop2", "q/loop2": "loop", "q/again.env": "../p/.env", ".zshrc": filepath.Join(outside, "zshrc"), "q/out": "../../../elsewhere",
	} {
		if err := os.Symlink(target, filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := find(t, home)
	if got := inside(r, home); !slices.Equal(got, []string{"out/secret", "p/.env"}) {
		t.Errorf("%q", got)
	}
	if got := gapOf(r, Link).Examples; !slices.Equal(got, []string{filepath.Join(home, ".zshrc"), filepath.Join(home, "q", "out")}) {
		t.Errorf("links that lead out: %q", got)
	}
	if n := gapOf(r, Special).Count; n != 2 {
		t.Errorf("%d FIFOs were counted", n)
	}

	// A FIFO that takes the place of a file, after the folder was read.
	dir, err := openFolder(filepath.Join(home, "p"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.release()
	f, err := dir.open("fifo.env")
	if err != nil || f.regular {
		t.Fatal(f, err)
	}
	f.close()
	if _, err := dir.open("fifo.link"); !isChanged(err) {
		t.Error("a link was followed", err)
	}
	if r, err := Search(context.Background(), Options{IDs: []string{testID}, Home: home, Roots: []string{fifo}}); err != nil || len(r.Errors) != 1 || !strings.Contains(r.Errors[0], "neither") {
		t.Errorf("%+v, %v", r.Errors, err)
	}
}

// TestHomeMayBeALink checks that paths are shown as the person knows them.
func TestHomeMayBeALink(t *testing.T) {
	home := writeTree(t, map[string]string{"p/.env": testID, ".zshrc": testID})
	link := filepath.Join(t.TempDir(), "home")
	if err := os.Symlink(home, link); err != nil {
		t.Fatal(err)
	}
	r := find(t, link)
	if got := inside(r, link); !slices.Equal(got, []string{".zshrc", "p/.env"}) || r.Copies[0].Kind != "shell-start" {
		t.Errorf("%q %+v", got, r.Copies)
	}
}

// TestOtherFileSystemsAreLeftAlone gives a search a list of mounts, none of which may be
// opened, and one of a local disk, which is searched.
func TestOtherFileSystemsAreLeftAlone(t *testing.T) {
	home := writeTree(t, map[string]string{"nfs/x": testID, "auto/x": testID, "sshfs/x": testID, "disk/x": testID, "proc/x": testID, "x": testID, "win/Users/al/.aws/credentials": pairFile, "win/Users/al/x": testID})
	real, err := filepath.EvalSymlinks(home)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(real, name) }
	mounts := map[string]mount{
		at("nfs"): newMount("nfs4", "server:/x", ""), at("auto"): newMount("autofs", "/etc/auto.misc", ""), at("sshfs"): newMount("fuse.sshfs", "a@b:", ""),
		at("disk"): newMount("ext4", "/dev/sdb1", ""), at("proc"): newMount("proc", "proc", ""), at("win"): newMount("9p", `C:\134`, "rw,aname=drvfs;path=C:"),
	}
	if !mounts[at("win")].windows || mounts[at("nfs")].windows {
		t.Error("which mount is Windows")
	}
	m, err := newMatcher([]string{testID})
	if err != nil {
		t.Fatal(err)
	}
	search := func(o Options) Report {
		s := newSearch(context.Background(), o, m)
		s.mounts = mounts
		roots := o.Roots
		if len(roots) == 0 {
			roots = []string{o.Home}
		}
		s.run(roots)
		return s.finish()
	}
	want := []string{"disk/x", "x"}
	if len(listTwins(mounts)) > 0 {
		want = []string{"disk/x", "win/Users/al/.aws/credentials", "x"}
	}
	r := search(Options{Home: home})
	if got := inside(r, home); !slices.Equal(got, want) || gapOf(r, Network).Count != 4 || gapOf(r, Special).Count != 1 {
		t.Errorf("%q %+v", got, r.Gaps)
	}
	if r := search(Options{Home: filepath.Join(home, "nfs")}); slices.Contains(inside(r, home), "nfs/x") || len(r.Errors) != 1 || !strings.Contains(r.Errors[0], "nfs4") {
		t.Errorf("%+v", r)
	}
	if r := search(Options{Home: home, Roots: []string{filepath.Join(home, "nfs")}}); len(r.Copies) != 1 || len(r.Errors) > 0 {
		t.Errorf("%+v", r)
	}
}

// searchAs makes this program search a folder and print the report, for a user whom a folder
// refuses: nothing refuses root.
const searchAs = "KEYD_TEST_SEARCH_JSON"

// TestRefusedFoldersAreReported searches as a user who may not read a folder and a file.
func TestRefusedFoldersAreReported(t *testing.T) {
	home := writeTree(t, map[string]string{"closed/x": testID, "file": testID, "open/x": testID})
	if os.Geteuid() == 0 {
		someone := t.TempDir()
		program := filepath.Join(someone, "search.test")
		copyProgram(t, program)
		for _, path := range []string{home, filepath.Dir(home), someone, filepath.Dir(someone), filepath.Join(home, "open")} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(home, "open", "x"), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program)
		cmd.Env = []string{searchAs + "=" + home}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		checkRefused(t, home, string(out))
		return
	}
	for _, name := range []string{"closed", "file"} {
		if err := os.Chmod(filepath.Join(home, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(filepath.Join(home, "closed"), 0o700)
	checkRefused(t, home, reportJSON(home))
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	in, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err != nil || out.Close() != nil {
		t.Fatal(err)
	}
}

func checkRefused(t *testing.T, home, report string) {
	t.Helper()
	for _, want := range []string{filepath.Join(home, "open", "x"), `"reason":"denied","count":2,"examples":["` + filepath.Join(home, "closed") + `","` + filepath.Join(home, "file") + `"]`} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %s:\n%s", want, report)
		}
	}
}

// TestAccessTimesStay checks that a search does not make a file look used, where the system
// allows that.
func TestAccessTimesStay(t *testing.T) {
	if noAccessTime == 0 {
		t.Skip("this system has no such flag")
	}
	home := writeTree(t, map[string]string{"x": testID})
	path, old := filepath.Join(home, "x"), time.Now().Add(-48*time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	find(t, home)
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := accessTime(fi); got.Sub(old).Abs() > time.Second {
		t.Errorf("read at %s", got)
	}
}
