//go:build unix

package main

import (
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	aliveText = "keyd: error: a daemon is already running here"
	busyText  = "keyd: error: another keyd is busy: nothing was done"
)

// TestTwoDaemonsAndACommand starts two keyd run processes at once, and two shells
// that rotate again and again, all in one home. One daemon reports that another one
// is running, and exits. Only one pass runs at a time, so no two CreateAccessKey
// calls are ever in flight together, and a command that waited in vain says so. When
// the remaining daemon is killed, the next one takes over at once.
func TestTwoDaemonsAndACommand(t *testing.T) {
	t.Parallel()
	w := newSharedWorld(t)
	w.startWatching()
	first, second := w.startDaemon(), w.startDaemon()
	var shells sync.WaitGroup
	done := make([]int, 2)
	end := time.Now().Add(time.Second)
	for i := range done {
		shells.Go(func() { done[i] = w.rotateUntil(end) })
	}
	loser, winner := awaitExit(t, first, second)
	if got := loser.said.String(); !strings.Contains(got, aliveText) || loser.cmd.ProcessState.ExitCode() != exitRunning {
		t.Errorf("the second daemon: %v: %s", loser.cmd.ProcessState, got)
	}
	shells.Wait()
	if err := winner.cmd.Process.Kill(); err != nil {
		t.Errorf("the remaining daemon has exited: %v\n%s", err, winner.said.String())
	}
	<-winner.end
	w.replaceDaemon()
	if code, out := w.runKeyd("rotate", "default", "--force", "--delete-now", "--yes"); code != exitDone {
		t.Errorf("the last rotation: exit code %d\n%s", code, out)
	}
	seen := w.stopWatching()
	for _, wrong := range seen.wrong {
		t.Errorf("the file: %s", wrong)
	}
	w.demandOneKey(seen.lastPair().ID)
	judgeCloud(t, w.cloud, w.bob, seen.held)
	t.Logf("%d and %d rotations", done[0], done[1])
}

// rotateUntil runs keyd rotate until end, without a pause and at least once. It
// returns the number of rotations that succeeded.
func (w *sharedWorld) rotateUntil(end time.Time) (done int) {
	for done == 0 || time.Now().Before(end) {
		switch code, out := w.runKeyd("rotate", "default", "--force", "--delete-now", "--yes"); {
		case code == exitDone:
			done++
		case code != exitFailed || !strings.Contains(out, busyText):
			w.t.Errorf("rotate: exit code %d\n%s", code, out)
			return done
		}
	}
	return done
}

// awaitExit waits until one of two daemons exits.
func awaitExit(t *testing.T, a, b *daemonProcess) (ended, runs *daemonProcess) {
	t.Helper()
	select {
	case <-a.end:
		return a, b
	case <-b.end:
		return b, a
	case <-time.After(time.Minute):
		t.Fatal("two daemons are running")
	}
	return nil, nil
}

// replaceDaemon starts a daemon after another one was killed, and stops it as systemd
// does.
func (w *sharedWorld) replaceDaemon() {
	w.t.Helper()
	next := w.startDaemon()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if code, out := w.runKeyd("status"); strings.Contains(out, "\nkeyd has been running since") {
			break
		} else if time.Now().After(end) {
			w.t.Fatalf("status: exit code %d\n%s", code, out)
		}
	}
	if err := next.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if err := <-next.end; err != nil {
		w.t.Errorf("keyd run on SIGTERM: %v\n%s", err, next.said.String())
	}
}
