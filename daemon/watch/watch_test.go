package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
)

// TestFilesReportsEveryWayToChangeAFile changes a file as editors and tools do: with
// the programs themselves, and with the system calls that they make.
func TestFilesReportsEveryWayToChangeAFile(t *testing.T) {
	ways := map[string]func(*testing.T, home){
		"truncated and written":      func(t *testing.T, h home) { h.put(t, "credentials", "new") },
		"appended":                   func(t *testing.T, h home) { h.append(t, "credentials", "more") },
		"emptied":                    func(t *testing.T, h home) { h.put(t, "credentials", "") },
		"replaced by rename":         func(t *testing.T, h home) { h.put(t, "tmp", "new"); h.rename(t, "tmp", "credentials") },
		"renamed away and recreated": func(t *testing.T, h home) { h.rename(t, "credentials", "credentials~"); h.put(t, "credentials", "new") },
		"removed":                    func(t *testing.T, h home) { h.remove(t, "credentials") },
		"its folder was replaced":    func(t *testing.T, h home) { h.swapFolder(t) },
		"by vim": func(t *testing.T, h home) {
			h.run(t, "vim", "-es", "-u", "NONE", "-c", "%s/old/new/", "-c", "wq", "credentials")
		},
		"by vim that writes in place": func(t *testing.T, h home) {
			h.run(t, "vim", "-es", "-u", "NONE", "-c", "set backupcopy=yes", "-c", "%s/old/new/", "-c", "wq", "credentials")
		},
		"by sed -i":        func(t *testing.T, h home) { h.run(t, "sed", "-i", "s/old/new/", "credentials") },
		"by aws configure": func(t *testing.T, h home) { h.run(t, "aws", "configure", "set", "aws_access_key_id", "AKIANEW") },
		"by another keyd":  func(t *testing.T, h home) { h.replace(t, "credentials", "new") },
		"twice, the second time by rename": func(t *testing.T, h home) {
			h.put(t, "credentials", "1")
			h.put(t, "tmp", "2")
			h.rename(t, "tmp", "credentials")
		},
	}
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "its folder was replaced" {
				t.Skip("Windows keeps watching the old folder; only the check every minute finds the new one")
			}
			t.Parallel()
			h := newHome(t)
			h.put(t, "credentials", "[default]\naws_access_key_id = old\n")
			changes := Files(t.Context(), []string{h.path("credentials"), h.path("config")}, nil)
			change(t, h)
			h.awaitChange(t, changes, "credentials")
		})
	}
}

func TestFilesFollowsLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	ways := map[string]func(*testing.T, home){
		"the target was replaced": func(t *testing.T, h home) {
			h.put(t, "dotfiles/tmp", "new")
			h.rename(t, "dotfiles/tmp", "dotfiles/credentials")
		},
		"the target was written": func(t *testing.T, h home) { h.put(t, "dotfiles/credentials", "new") },
		"the link was pointed away": func(t *testing.T, h home) {
			h.put(t, "dotfiles/other", "new")
			h.link(t, "dotfiles/other", "credentials")
		},
		"the link became a file": func(t *testing.T, h home) { h.remove(t, "credentials"); h.put(t, "credentials", "new") },
		"a link on the way was moved": func(t *testing.T, h home) {
			h.put(t, "elsewhere/credentials", "new")
			h.link(t, "elsewhere", "between")
		},
		"ln -sfn": func(t *testing.T, h home) {
			h.put(t, "dotfiles/other", "new")
			h.run(t, "ln", "-sfn", h.path("dotfiles/other"), "credentials")
		},
	}
	for name, change := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.put(t, "dotfiles/credentials", "old")
			h.link(t, "dotfiles", "between")
			h.link(t, "between/credentials", "credentials")
			changes := Files(t.Context(), []string{h.path("credentials")}, nil)
			change(t, h)
			h.awaitChange(t, changes, "credentials")
			h.put(t, "credentials", "once more")
			h.awaitChange(t, changes, "credentials")
		})
	}
}

// TestOtherWatchersNoticeASwap watches as other programs do. After a swap they get the
// events of any replacement by rename: the name is created again, and a watch on the
// file itself ends.
func TestOtherWatchersNoticeASwap(t *testing.T) {
	h := newHome(t)
	h.put(t, "credentials", "old")
	folder, err := fsnotify.NewWatcher()
	must(t, err)
	defer folder.Close()
	must(t, folder.Add(h.dir))
	file, err := fsnotify.NewWatcher()
	must(t, err)
	defer file.Close()
	must(t, file.Add(h.path("credentials")))
	h.replace(t, "credentials", "new")
	if runtime.GOOS == "windows" { // Windows has no watch on a file
		h.awaitEvent(t, folder, fsnotify.Create)
		return
	}
	h.awaitEvent(t, folder, fsnotify.Create|fsnotify.Rename) // kqueue may say only that the old file was moved
	h.awaitEvent(t, file, fsnotify.Rename|fsnotify.Remove)
}

// awaitEvent waits for an event of the credentials file that is one of ops.
func (h home) awaitEvent(t *testing.T, w *fsnotify.Watcher, ops fsnotify.Op) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case e := <-w.Events:
			if filepath.Clean(e.Name) == h.path("credentials") && e.Op&ops != 0 {
				return
			}
		case <-limit:
			t.Fatalf("there was no %v event of the file", ops)
		}
	}
}

func TestFilesWatchesFoldersCreatedLater(t *testing.T) {
	h := home{t.TempDir()}
	changes := Files(t.Context(), []string{h.path("a/b/.aws/credentials")}, nil)
	h.put(t, "a/b/.aws/credentials", "first")
	h.awaitChange(t, changes, "a/b/.aws/credentials")
	if err := os.RemoveAll(h.path("a")); err != nil {
		t.Fatal(err)
	}
	h.awaitChange(t, changes, "a/b/.aws/credentials")
	h.put(t, "a/b/.aws/credentials", "second")
	h.awaitChange(t, changes, "a/b/.aws/credentials")
}

// TestFilesReportsNoUnchangedFile matters because every report causes a pass.
func TestFilesReportsNoUnchangedFile(t *testing.T) {
	h := newHome(t)
	h.put(t, "credentials", "old")
	changes := Files(t.Context(), []string{h.path("credentials"), h.path("config")}, nil)
	must(t, os.Chmod(h.path("credentials"), 0o400))
	h.put(t, "cli/cache", "something else")
	h.put(t, "other", "something else")
	must(t, os.Chmod(h.path("credentials"), 0o600))
	h.put(t, "credentials", "old") // written with the same contents
	h.put(t, "credentials.last", "")
	h.put(t, "config", "the end of the test")
	if c := <-changes; c.Path != h.path("config") {
		t.Errorf("the first report is %+v", c)
	}
}

// home is a folder like ~/.aws.
type home struct{ dir string }

func newHome(t *testing.T) home {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return home{filepath.Join(dir, ".aws")}
}

func (h home) path(name string) string { return filepath.Join(h.dir, filepath.FromSlash(name)) }

func (h home) put(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(h.path(name)), 0o700))
	must(t, os.WriteFile(h.path(name), []byte(text), 0o600))
}

func (h home) append(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(h.path(name), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteString(text)
	must(t, err)
	must(t, file.Close())
}

func (h home) rename(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.Rename(h.path(from), h.path(to)))
}

// replace replaces a file as a swap does.
func (h home) replace(t *testing.T, name, text string) {
	t.Helper()
	o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, h.path(name))
	must(t, err)
	_, err = o.Replace(t.Context(), []byte(text))
	must(t, err)
}

func (h home) remove(t *testing.T, name string) { t.Helper(); must(t, os.Remove(h.path(name))) }

// link creates a link, or points an existing one elsewhere as ln -sfn does.
func (h home) link(t *testing.T, to, name string) {
	t.Helper()
	must(t, os.Symlink(h.path(to), h.path("link.tmp")))
	h.rename(t, "link.tmp", name)
}

func (h home) swapFolder(t *testing.T) {
	t.Helper()
	must(t, os.Rename(h.dir, h.dir+".old"))
	h.put(t, "credentials", "new")
}

// run runs a program as its user would. It skips the test if the program is not
// installed; other tests make the same system calls.
func (h home) run(t *testing.T, program string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " is not installed here")
	}
	if program == "aws" && !deeptest.On() {
		t.Skip("left out: the aws command takes as long as all others together; KEYD_DEEP=1 go test -run " + t.Name())
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(h.dir), "AWS_SHARED_CREDENTIALS_FILE="+h.path("credentials"), "AWS_CONFIG_FILE="+h.path("config"))
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(program, "vim") { // vim -es reports failure without a reason
		t.Skipf("%s does not run here: %v: %s", program, err, out)
	}
}

// awaitChange waits for the report that a file changed. The report must come long
// before the check every minute.
func (h home) awaitChange(t *testing.T, changes <-chan Change, name string) {
	t.Helper()
	limit := time.After(40 * time.Second)
	for {
		select {
		case c := <-changes:
			if c.SlowReason != nil {
				t.Fatal(c.SlowReason)
			}
			if c.Path == h.path(name) {
				return
			}
		case <-limit:
			t.Fatalf("no change of %s was reported", name)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFilesAsksForMorePaths: a change of one file may name others, which are then watched in
// folders of their own, and which are no longer watched when nothing names them.
func TestFilesAsksForMorePaths(t *testing.T) {
	h := newHome(t)
	h.put(t, "keyd.ini", "")
	h.put(t, "elsewhere/env", "old")
	more := func() (paths []string) {
		data, err := os.ReadFile(h.path("keyd.ini"))
		must(t, err)
		for line := range strings.Lines(string(data)) {
			paths = append(paths, h.path(strings.TrimSpace(line)))
		}
		return paths
	}
	changes := Files(t.Context(), []string{h.path("keyd.ini")}, more)
	h.put(t, "keyd.ini", "elsewhere/env\n")
	h.awaitChange(t, changes, "keyd.ini")
	h.put(t, "elsewhere/env", "new")
	h.awaitChange(t, changes, "elsewhere/env")
	h.put(t, "keyd.ini", "elsewhere/other\n")
	h.awaitChange(t, changes, "keyd.ini")
	h.put(t, "elsewhere/env", "newer")
	h.put(t, "elsewhere/other", "first")
	h.awaitChange(t, changes, "elsewhere/other")
}
