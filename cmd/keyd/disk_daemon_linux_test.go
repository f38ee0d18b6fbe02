package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyd/daemon/state"
)

// TestDaemonWhoseStateIsRemoved removes the state folder of a daemon that waits: the
// daemon creates the folder again, and remains the only daemon.
func TestDaemonWhoseStateIsRemoved(t *testing.T) {
	t.Parallel()
	h := newDiskHome(t, os.Geteuid())
	h.mustChange(putFile(creds))
	cmd := h.keydCommand("run")
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(log, &said))
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the daemon never logs %q:\n%s", text, said.String())
	}
	until("state=overlap")
	for err = os.RemoveAll(h.path("state")); errors.Is(err, syscall.ENOTEMPTY); err = os.RemoveAll(h.path("state")) {
		continue // the daemon was just writing into it
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until("state=ok") // the rotation is forgotten, and the daemon has asked AWS again
	for end := time.Now().Add(processLimit); !state.DaemonRunning(h.path("state")); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) { // the pass that logged this may have begun before the folder was removed
			t.Fatalf("the daemon never locks the new state folder:\n%s", said.String())
		}
	}
	h.runKeyd(exitRunning, []string{`^keyd: error: a daemon is already running here$`}, "run")
	h.runKeyd(exitDone, []string{`^keyd has been running since .*\(pid \d+\)`}, "status")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until("msg=ended")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	h.checkOutput(said.String(), nil)
}
