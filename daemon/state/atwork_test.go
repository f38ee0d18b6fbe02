package state

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
)

// TestBusyErrorNamesWhoIsAtWork: who finds the pass lock taken is told by which command, or
// by the daemon. A name that a killed process has left is not believed.
func TestBusyErrorNamesWhoIsAtWork(t *testing.T) {
	dir := t.TempDir()
	sys := atomicfile.OS{}
	name := func(w Work) {
		data, err := json.Marshal(w)
		if err == nil {
			err = os.WriteFile(WorkPath(dir), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	busy := func() string {
		held, err := sys.TryLock(PassLockPath(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer held()
		_, err = LockFile(t.Context(), sys, PassLockPath(dir), time.Millisecond)
		if !IsBusy(err) {
			t.Fatalf("%v", err)
		}
		return err.Error()
	}
	end := BeginWork(sys, dir, Work{Command: "keyd rotate --force", Since: time.Now()})
	if w := FindWork(dir); w != nil {
		t.Errorf("the process takes itself for another one: %v", w)
	}
	name(Work{PID: 4711, Command: "keyd rotate --force", Since: time.Now()})
	if text := busy(); !strings.HasPrefix(text, "keyd rotate --force (pid 4711, since ") || !strings.HasSuffix(text, "nothing was done") {
		t.Error(text)
	}
	if data, err := os.ReadFile(WorkPath(dir)); err != nil || strings.Contains(string(data), "profiles") {
		t.Errorf("%s, %v", data, err)
	}
	name(Work{PID: 4711, Command: "keyd rotate", Profiles: []string{"a", "b", "c", "d"}, Since: time.Now()})
	if text := busy(); !strings.HasPrefix(text, "keyd rotate for a, b, c, ... (pid 4711, since ") {
		t.Error(text)
	}
	end()
	if _, err := os.Stat(WorkPath(dir)); err == nil {
		t.Error("the name outlives the work")
	}
	name(Work{PID: 4711, Command: "keyd rotate --force", Since: time.Now()}) // as after a kill
	if text := busy(); strings.Contains(text, "4711") {
		t.Error(text)
	}
	daemon, err := sys.TryLock(DaemonLockPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon()
	if err := (DaemonInfo{Version: DaemonInfoVersion, PID: 42}).Save(sys, dir); err != nil {
		t.Fatal(err)
	}
	if text := busy(); !strings.HasPrefix(text, "the daemon, keyd run (pid 42)") {
		t.Error(text)
	}
}
