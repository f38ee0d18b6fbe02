package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keyd/credfile/deeptest"
)

// diskRow describes one disk: what goes wrong with it and when, what keyd prints, and
// how the disk is repaired.
type diskRow struct {
	name   string
	uid    int    // of the user who runs keyd; 0: the user who runs the test
	lay    change // made first; nil: write the credentials file
	when   stage  // of harm; zero: before
	harm   change
	exit   int      // of keyd rotate --force default; if when is overlaps, of the second one
	told   []string // patterns that lines of its output match
	status int      // exit code of keyd status
	shown  []string
	logged []string // by keyd run; if keyd run exits by itself, it exits with 1
	heal   change
	long   bool // takes a minute: only with KEYD_DISKS=all
}

const (
	someone = 4242 // runs keyd where root would be refused nothing
	other   = 4243
	creds   = ".aws/credentials"
)

// TestDisks runs the real keyd on real disks that refuse to work. It checks the messages,
// that at every request the file is the old or the new one to the byte and its pair is
// usable, that no secret is lost or left in another place, and that the rotation completes
// once the disk is repaired. Unless the tests are deep it takes one
// disk in eight, and a process of its own only for keyd run and for other users.
func TestDisks(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	for _, row := range deeptest.Sample(diskRows(), 8) {
		t.Run(strings.ReplaceAll(row.name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			if row.long && os.Getenv("KEYD_DISKS") != "all" {
				t.Log("left out: keyd needs a minute to be sure that no key was created; set KEYD_DISKS=all to run it")
				return
			}
			row.runRow(t)
		})
	}
}

func (row diskRow) runRow(t *testing.T) {
	if row.uid != 0 && !manyUsers() {
		t.Skip("only root may run keyd as another user")
	}
	h := newDiskHome(t, cmp.Or(row.uid, os.Geteuid()))
	lay := row.lay
	if lay == nil {
		lay = putFile(creds)
	}
	h.mustChange(lay)
	if err := h.chownHome(); err != nil {
		t.Fatal(err)
	}
	if row.when == overlaps {
		h.runKeyd(exitDone, nil, "rotate", "--force", "default")
	}
	switch row.when {
	case "", before, overlaps:
		h.mustChange(row.harm)
	default:
		h.mu.Lock()
		h.when, h.harm = row.when, row.harm
		h.mu.Unlock()
	}
	if _, info := h.readCredentials(); info != nil {
		h.mode = info.Mode()
	}
	h.runKeyd(row.exit, row.told, "rotate", "--force", "default")
	h.mu.Lock()
	if h.harm != nil {
		t.Errorf("the change was not made %s", row.when)
	}
	h.mu.Unlock()
	h.runKeyd(row.status, row.shown, "status")
	h.runDaemonOnce(row.logged)
	if row.heal != nil {
		if err := row.heal(h); err != nil {
			t.Fatal(err)
		}
	}
	h.runKeyd(exitDone, nil, "rotate", "--force", "--delete-now", "--yes", "default")
	h.demandOver()
}

// manyUsers reports whether other users than its own exist for this process.
func manyUsers() bool {
	mapping, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(mapping))
	return err == nil && len(fields) == 3 && fields[2] != "1"
}

// mustChange makes a change. It skips the test if this machine cannot make it.
func (h *diskHome) mustChange(c change) {
	h.t.Helper()
	if c == nil {
		return
	}
	err := c(h)
	if lacks, ok := errors.AsType[*missingFeature](err); ok {
		h.t.Skip(lacks)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// runDaemonOnce starts the daemon, and stops it after its first pass.
func (h *diskHome) runDaemonOnce(logged []string) {
	h.t.Helper()
	cmd := h.keydCommand("run")
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(log, &said))
	passed := false
	for lines.Scan() {
		if text := lines.Text(); !passed && (strings.Contains(text, "msg=key ") || strings.Contains(text, "msg=pass")) {
			passed = true
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				h.t.Error(err)
			}
		}
	}
	err = cmd.Wait()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || passed || failed.ExitCode() != exitFailed) {
		h.t.Errorf("keyd run: %v", err)
	}
	h.t.Logf("keyd run:\n%s", said.String())
	h.checkOutput(said.String(), logged)
}

// inOrder makes one change after the other.
func inOrder(changes ...change) change {
	return func(h *diskHome) error {
		for _, c := range changes {
			if err := c(h); err != nil {
				return err
			}
		}
		return nil
	}
}

// putFile writes the credentials file under a name.
func putFile(name string) change {
	return func(h *diskHome) error { return h.write(name) }
}

func makeFolder(name string) change {
	return func(h *diskHome) error { return os.MkdirAll(h.path(name), 0o700) }
}

func removeAll(name string) change {
	return func(h *diskHome) error { return os.RemoveAll(h.path(name)) }
}

func linkTo(target, name string) change {
	return func(h *diskHome) error { return os.Symlink(target, h.path(name)) }
}

func setMode(name string, mode fs.FileMode) change {
	return func(h *diskHome) error { return os.Chmod(h.path(name), mode) }
}

func setOwner(name string, uid int) change {
	return func(h *diskHome) error {
		err := os.Chown(h.path(name), uid, uid)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
			return &missingFeature{"only root may give a file away", err}
		}
		return err
	}
}

// chownAll hands everything that a repair created to the user who runs keyd.
func chownAll(h *diskHome) error { return h.chownHome() }

func makeFIFO(name string) change {
	return func(h *diskHome) error { return unix.Mkfifo(h.path(name), 0o600) }
}

func renameFile(from, to string) change {
	return func(h *diskHome) error { return os.Rename(h.path(from), h.path(to)) }
}

func copyFile(from, to string) change {
	return func(h *diskHome) error {
		data, err := os.ReadFile(h.path(from))
		if err != nil {
			return err
		}
		return os.WriteFile(h.path(to), data, 0o600)
	}
}

// sameText demands that two names show the same bytes.
func sameText(a, b string) change {
	return func(h *diskHome) error {
		one, err := os.ReadFile(h.path(a))
		if err != nil {
			return err
		}
		two, err := os.ReadFile(h.path(b))
		if err == nil && !bytes.Equal(one, two) {
			err = errors.New(a + " and " + b + " differ")
		}
		return err
	}
}

// inDisk creates a folder on the disk that is mounted as disk, and mounts it where
// keyd looks for it.
func inDisk(name string) change {
	return func(h *diskHome) error {
		if err := os.Mkdir(h.path("disk/"+name), 0o700); err != nil {
			return err
		}
		return h.mountUntilEnd(h.path("disk/"+name), name, "", unix.MS_BIND, "")
	}
}

// pruneOldKey follows keyd's hints after keyd has forgotten a rotation: it names the old
// key to make it inactive, and then deletes it.
func pruneOldKey(h *diskHome) error {
	h.runKeyd(exitDone, []string{`^deactivated `}, "prune", "--yes", "default", h.old.ID)
	h.runKeyd(exitDone, []string{`^deleted `}, "prune", "--yes", "default")
	return nil
}

// leadsTo demands that a link still has this target.
func leadsTo(name, target string) change {
	return func(h *diskHome) error {
		got, err := os.Readlink(h.path(name))
		if err == nil && got != target {
			err = &fs.PathError{Op: "link", Path: filepath.Base(name), Err: errors.New("leads to " + got)}
		}
		return err
	}
}
