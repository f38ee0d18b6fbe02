package install

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// newWineTask is a task in the real registry and task folder of a Windows that
// belongs to nobody.
func newWineTask(t *testing.T) (*task, *bool) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("on your Windows it would make a logon task for you: it is for wine")
	}
	h, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	lives := false
	h.State = filepath.Join(t.TempDir(), "state")
	h.Daemon = func() (int, bool) { return 0, lives }
	c := awkwardConfig()
	c.Executable, c.EnvVars = filepath.Join(t.TempDir(), "My Apps", "keyd.exe"), map[string]string{"KEYD_SETTINGS": `C:\a b\keyd.ini`}
	made, err := taskSystem(&h).New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return made.(*task), &lives
}

// TestRealTask registers and removes a task. wine runs none: its /run and /end
// say yes and do nothing, so the daemon's life is told here.
func TestRealTask(t *testing.T) {
	k, lives := newWineTask(t)
	began := time.Now()
	k.host.Daemon = func() (int, bool) {
		return 0, *lives || time.Since(began) > 30*time.Millisecond && time.Since(began) < time.Minute
	}
	if err := k.Install(); err != nil {
		t.Fatal(err)
	}
	definition, err := os.ReadFile(k.definitionPath())
	if err != nil || !bytes.Contains(definition, []byte(description)) { // wine keeps no triggers, no user and no command
		t.Errorf("%s, %v", definition, err)
	}
	var state State
	if k.queryState(&state); !state.Installed || !state.Running {
		t.Errorf("%+v", state)
	}
	k.host.Daemon = func() (int, bool) { return 0, false }
	if err := k.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(k.definitionPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the task is still there: %v", err)
	}
}

// TestRealRunKey is the fallback: written, read back, started, ended, removed.
func TestRealRunKey(t *testing.T) {
	k, lives := newWineTask(t)
	line := quoteWindows(k.Executable) + " " + logonArguments(k.Config)
	if err := writeRunKey(line); err != nil {
		t.Fatal(err)
	}
	var state State
	if k.queryState(&state); !state.Installed || state.Program != k.Executable || state.File != runKeyPath {
		t.Errorf("%+v", state)
	}
	if err := k.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if line, ok := readRunKey(); ok || *lives {
		t.Errorf("the Run key still says %s", line)
	}
	if err := removeRunKey(); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

// TestEndProcessEndsNoOther starts this program as a stand-in that waits.
func TestEndProcessEndsNoOther(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestWaitToBeEnded$")
	c.Env = append(slices.Clone(os.Environ()), "KEYD_TEST_WAIT=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.exe")
	if err := os.WriteFile(other, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := endProcess(c.Process.Pid, quoteWindows(other)+" logon"); err == nil {
		t.Error("a process of another program was ended")
	}
	if err := endProcess(c.Process.Pid, quoteWindows(self)+" logon"); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("it was not ended")
	}
}

// TestWaitToBeEnded is what TestEndProcessEndsNoOther ends.
func TestWaitToBeEnded(t *testing.T) {
	if os.Getenv("KEYD_TEST_WAIT") == "" {
		return
	}
	var b bytes.Buffer
	_, _ = b.ReadFrom(os.Stdin)
}
