package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
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
	h.runKeyd(exitFailed, []string{`^keyd: error: a daemon already runs here$`}, "run")
	h.runKeyd(exitDone, []string{`^keyd running since .*\(pid \d+\)`}, "status")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until("msg=ended")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	h.checkOutput(said.String(), nil)
}
