//go:build linux

package install

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// realUser is a user with a real user manager, and with keyd in a folder. These
// tests wait in real time, so .ci/systemd runs them and go test ./... skips them.
type realUser struct {
	t    *testing.T
	keyd string
	env  []string
}

// newRealUser puts keyd into a folder of the home folder. It skips the test when
// the user manager may belong to a person, who would get the service.
func newRealUser(t *testing.T, folder string) *realUser {
	t.Helper()
	program := os.Getenv("KEYD_PROGRAM")
	if os.Getenv("KEYD_SYSTEMD_IT") == "" || program == "" {
		t.Skip("this test would install keyd for you: run .ci/systemd as root, which makes a throwaway user for it")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	r := &realUser{t: t, keyd: filepath.Join(home, folder, "keyd"), env: os.Environ()}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(r.keyd), 0o700), os.MkdirAll(filepath.Join(home, ".config"), 0o700), os.WriteFile(r.keyd, data, 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(r.keyd)) })
	return r
}

// runProgram runs keyd or another program and returns its exit code and output.
func (r *realUser) runProgram(name string, args ...string) (int, string) {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), name, args...)
	c.Env = r.env
	out, err := c.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return 0, string(out)
}

// mustExit runs keyd, demands this exit code, and returns the output.
func (r *realUser) mustExit(code int, args ...string) string {
	r.t.Helper()
	got, out := r.runProgram(r.keyd, args...)
	if got != code {
		r.t.Fatalf("keyd %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	r.t.Logf("keyd %s\n%s", strings.Join(args, " "), out)
	return out
}

// waitUntil waits until reached returns true, for at most limit.
func (r *realUser) waitUntil(limit time.Duration, what string, reached func() bool) {
	r.t.Helper()
	began := time.Now()
	for !reached() {
		if time.Since(began) > limit {
			_, unit := r.runProgram("systemctl", "--user", "status", "--no-pager", unitName)
			r.t.Fatalf("not %s within %s\n%s", what, limit, unit)
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond))
}

// mainPID returns the process id that the user manager shows for the service, 0
// when the service does not run.
func (r *realUser) mainPID() int {
	_, out := r.runProgram("systemctl", "--user", "show", "--property=ActiveState,MainPID", unitName)
	active, pid := strings.Contains(out, "ActiveState=active\n"), 0
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "MainPID="); ok {
			pid, _ = strconv.Atoi(value)
		}
	}
	if !active {
		return 0
	}
	return pid
}

// startSimulator starts keyd demo --serve, where the default key is due, and takes
// over its environment. It returns the path of the credentials file.
func (r *realUser) startSimulator() (credentials string) {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), r.keyd, "demo", "--serve")
	out, err := c.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Wait() })
	var said []byte
	for chunk := make([]byte, 4096); !bytes.Contains(said, []byte("# keyd status")); {
		n, err := out.Read(chunk)
		if said = append(said, chunk[:n]...); err != nil {
			r.t.Fatalf("%v: %s", err, said)
		}
	}
	for line := range strings.Lines(string(said)) {
		if variable, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			r.env = append(r.env, strings.ReplaceAll(variable, "'", ""))
			if path, ok := strings.CutPrefix(variable, "AWS_SHARED_CREDENTIALS_FILE="); ok {
				credentials = strings.ReplaceAll(path, "'", "")
			}
		}
	}
	return credentials
}

// homeTree returns the path of every file and folder in the home folder.
func (r *realUser) homeTree() []string {
	r.t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	err = filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return names
}

// checkUnchanged checks that the home folder holds the same paths as before, and
// that the user manager does not know the service.
func (r *realUser) checkUnchanged(before []string) {
	r.t.Helper()
	if now := r.homeTree(); !slices.Equal(now, before) {
		r.t.Errorf("the home folder holds\n%s\nwant\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
	if _, out := r.runProgram("systemctl", "--user", "show", "--property=LoadState,ActiveState", unitName); out != "LoadState=not-found\nActiveState=inactive\n" {
		r.t.Errorf("the user manager still knows the service: %q", out)
	}
}

// TestRealSystemdInstallsRestartsAndUninstalls takes the service from install to
// uninstall, in a plain folder and in one whose name needs quoting. The service swaps
// no key that is younger than five minutes, so only one of the two waits for the swap.
func TestRealSystemdInstallsRestartsAndUninstalls(t *testing.T) {
	for _, tt := range []struct {
		folder    string
		waitsSwap bool
	}{
		{"bin", true},
		{"My Apps 100% $HOME & <more>", false},
	} {
		t.Run(tt.folder, func(t *testing.T) {
			r := newRealUser(t, tt.folder)
			credentials := r.startSimulator()
			old, err := os.ReadFile(credentials)
			if err != nil {
				t.Fatal(err)
			}
			before := r.homeTree()
			r.mustExit(3, "install", "--yes") // one of the keys needs a person
			if _, out := r.runProgram("systemctl", "--user", "is-enabled", unitName); out != "enabled\n" {
				t.Errorf("is-enabled says %q", out)
			}
			r.waitUntil(time.Second, "running", func() bool { return r.mainPID() != 0 })
			r.waitUntil(time.Minute, "a new key made by the service", func() bool {
				_, out := r.runProgram(r.keyd, "status")
				return strings.Contains(out, "rotating")
			})
			if tt.waitsSwap {
				r.waitUntil(8*time.Minute, "the due key replaced by the service", func() bool {
					now, err := os.ReadFile(credentials)
					return err == nil && !bytes.Equal(now, old)
				})
			}
			r.checkSurvival()
			r.mustExit(0, "restart")
			r.mustExit(0, "stop")
			if pid := r.mainPID(); pid != 0 {
				t.Errorf("process %d still runs after keyd stop", pid)
			}
			r.mustExit(0, "start")
			r.mustExit(3, "install", "--yes")
			r.mustExit(0, "uninstall")
			r.checkUnchanged(before)
			r.mustExit(0, "uninstall")
		})
	}
}

// checkSurvival checks that the service comes back after kill -9, and after a
// logout and a login.
func (r *realUser) checkSurvival() {
	r.t.Helper()
	killed := r.mainPID()
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
	r.waitUntil(40*time.Second, "back after kill -9", func() bool { pid := r.mainPID(); return pid != 0 && pid != killed })
	beforeLogout := r.mainPID()
	if code, out := r.runProgram("systemctl", "--user", "exit"); code != 0 {
		r.t.Fatal(out)
	}
	r.waitUntil(20*time.Second, "running again after the next login", func() bool { pid := r.mainPID(); return pid != 0 && pid != beforeLogout })
}

// TestRealSystemdInstallsFromSu has the environment of su: no runtime folder, or that of
// another user, although the user's systemd runs.
func TestRealSystemdInstallsFromSu(t *testing.T) {
	r := newRealUser(t, "bin")
	r.startSimulator()
	before := r.homeTree()
	env := r.env
	for _, dir := range []string{"", "/run/user/0"} {
		r.env = append(slices.Clone(env), "XDG_RUNTIME_DIR="+dir, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus")
		r.mustExit(3, "install", "--yes")
		r.mustExit(0, "restart")
		r.mustExit(0, "uninstall")
	}
	r.env = env
	r.checkUnchanged(before)
}

// TestRealSystemdLeavesAnotherDaemonAlone starts keyd run, and then the service, which
// systemd must not start over and over.
func TestRealSystemdLeavesAnotherDaemonAlone(t *testing.T) {
	r := newRealUser(t, "bin")
	r.startSimulator()
	r.mustExit(3, "install", "--yes")
	r.mustExit(0, "stop")
	c := exec.CommandContext(t.Context(), r.keyd, "run")
	c.Env, c.Cancel = r.env, func() error { return c.Process.Signal(syscall.SIGTERM) }
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() })
	r.waitUntil(10*time.Second, "running by hand", func() bool {
		_, out := r.runProgram(r.keyd, "status")
		return strings.Contains(out, "keyd has been running since")
	})
	if out := r.mustExit(1, "start"); !strings.Contains(out, "keyd run already runs here") {
		t.Errorf("the error does not say why:\n%s", out)
	}
	if _, out := r.runProgram("systemctl", "--user", "show", "--property=ActiveState,SubState,NRestarts", unitName); out != "NRestarts=0\nActiveState=failed\nSubState=failed\n" {
		t.Errorf("systemd would start it again: %q", out)
	}
	r.mustExit(0, "uninstall")
}

func TestRealSystemdWithoutABusLeavesNothing(t *testing.T) {
	r := newRealUser(t, "bin")
	r.startSimulator()
	before := r.homeTree()
	r.env = append(r.env, "XDG_RUNTIME_DIR="+t.TempDir(), "DBUS_SESSION_BUS_ADDRESS=") // a folder of this user without a bus
	out := r.mustExit(1, "install", "--yes")
	if !strings.Contains(out, "systemd does not answer") || !strings.Contains(out, "keyd: hint: log in") {
		t.Errorf("the error says neither what is wrong nor what to do:\n%s", out)
	}
	if now := r.homeTree(); !slices.Equal(now, before) {
		t.Errorf("the home folder holds %q, want %q", now, before)
	}
}

// TestRealSystemdFailedStartLeavesNothing installs a program that fails at once.
func TestRealSystemdFailedStartLeavesNothing(t *testing.T) {
	r := newRealUser(t, "bin")
	before := r.homeTree()
	h, err := CurrentHost()
	if err != nil {
		t.Fatal(err)
	}
	h.StateDir, h.Daemon = filepath.Join(h.Home, "state"), func() (int, bool) { return 0, false }
	h.Executable = "/bin/false"
	s, err := Open(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(); err == nil || !strings.Contains(err.Error(), "nothing is left") {
		t.Errorf("error %v, want one that says that nothing is left", err)
	}
	r.checkUnchanged(before)
}
