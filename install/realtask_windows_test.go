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

// newWineTask returns a task in the real registry and task folder of wine. It
// skips the test on a Windows that belongs to a person.
func newWineTask(t *testing.T) (*task, *bool) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("this test would make a logon task for you: it runs under wine only")
	}
	h, err := CurrentHost()
	if err != nil {
		t.Fatal(err)
	}
	lives := false
	h.StateDir = filepath.Join(t.TempDir(), "state")
	h.Daemon = func() (int, bool) { return 0, lives }
	c := awkwardConfig()
	c.Executable, c.EnvVars = filepath.Join(t.TempDir(), "My Apps", "keyd.exe"), map[string]string{"KEYD_SETTINGS": `C:\a b\keyd.ini`}
	made, err := taskSystem(&h).New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return made.(*task), &lives
}

// TestRealTaskIsRegisteredAndRemoved uses wine's task scheduler, which does not run
// tasks: its /run and /end report success and do nothing. The test itself decides
// when the daemon runs.
func TestRealTaskIsRegisteredAndRemoved(t *testing.T) {
	k, lives := newWineTask(t)
	began := time.Now()
	k.host.Daemon = func() (int, bool) {
		return 0, *lives || time.Since(began) > 30*time.Millisecond && time.Since(began) < time.Minute
	}
	if err := k.Install(); err != nil {
		t.Fatal(err)
	}
	definition, err := os.ReadFile(k.definitionPath())
	if err != nil || !bytes.Contains(definition, []byte(description)) { // wine keeps neither triggers nor user nor command
		t.Errorf("the registered task is %s, %v", definition, err)
	}
	var state State
	if k.queryState(&state); !state.Installed || !state.Running {
		t.Errorf("state %+v, want installed and running", state)
	}
	k.host.Daemon = func() (int, bool) { return 0, false }
	if err := k.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(k.definitionPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the task is still there: %v", err)
	}
}

// TestRealRunKeyIsWrittenReadAndRemoved covers the fallback for a task scheduler
// that refuses.
func TestRealRunKeyIsWrittenReadAndRemoved(t *testing.T) {
	k, lives := newWineTask(t)
	line := quoteWindows(k.Executable) + " " + logonArguments(k.Config)
	if err := writeRunKey(line); err != nil {
		t.Fatal(err)
	}
	var state State
	if k.queryState(&state); !state.Installed || state.Program != k.Executable || state.File != runKeyPath {
		t.Errorf("state %+v, want the program of the Run key", state)
	}
	if err := k.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if line, ok := readRunKey(); ok || *lives {
		t.Errorf("the Run key still holds %s", line)
	}
	if err := removeRunKey(); err != nil {
		t.Errorf("removing a missing Run key failed: %v", err)
	}
}

// TestEndProcessLeavesOtherProgramsAlone starts this program again, which then runs
// TestWaitToBeEnded.
func TestEndProcessLeavesOtherProgramsAlone(t *testing.T) {
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
		t.Error("the process was not ended")
	}
}

// TestWaitToBeEnded waits until TestEndProcessLeavesOtherProgramsAlone ends it.
func TestWaitToBeEnded(t *testing.T) {
	if os.Getenv("KEYD_TEST_WAIT") == "" {
		return
	}
	var b bytes.Buffer
	_, _ = b.ReadFrom(os.Stdin)
}
