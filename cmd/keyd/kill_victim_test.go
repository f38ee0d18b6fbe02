//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The ways in which the instant of a kill is chosen.
const (
	anyInstant = "any instant"     // within the measured length of a whole run
	inSwap     = "in the swap"     // after its temporary file appears
	atCreate   = "at the creation" // around CreateAccessKey
	atCall     = "at a call"       // around any one call
)

// death says when one process is killed.
type death struct {
	how    string
	call   int           // for atCall: the number of the call, from 1
	served bool          // after AWS has handled the call; otherwise before
	after  time.Duration // how much later; if it is 0 and served is true, the answer is lost
}

func (d death) String() string {
	s := d.how
	if d.call > 0 {
		s += fmt.Sprintf(" %d", d.call)
	}
	if d.served {
		s += " served"
	}
	return fmt.Sprintf("%s +%s", s, d.after)
}

// pace is how long a run takes on this machine.
type pace struct {
	whole time.Duration // a whole run
	swap  time.Duration // from its temporary file to the next call
	calls int
}

// chooseDeath chooses a death: half of them at any instant, a quarter in the swap.
func (p pace) chooseDeath(r *rand.Rand) death {
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d) + 1)) }
	switch r.IntN(8) {
	case 0, 1:
		return death{how: inSwap, after: upTo(p.swap)}
	case 2:
		return death{how: atCreate, served: r.IntN(4) > 0, after: upTo(time.Millisecond) * time.Duration(r.IntN(2))}
	case 3:
		return death{how: atCall, call: 1 + r.IntN(p.calls), served: r.IntN(2) > 0}
	}
	return death{how: anyInstant, after: upTo(p.whole)}
}

// victim is one process that is killed, unless it exits first.
type victim struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	death  death
	began  time.Time
	calls  int
	swap   time.Time // when its temporary file was seen
	pace   pace      // measured so far
	killed bool
	done   chan struct{} // closed once the process has exited
}

// startVictim starts a process and stores it in at, so that the server and the watch of the
// disk can call called and swapping. With a zero death, the process is not killed.
func startVictim(t *testing.T, cmd *exec.Cmd, d death, at *atomic.Pointer[victim]) *victim {
	t.Helper()
	v := &victim{cmd: cmd, death: d, began: time.Now(), done: make(chan struct{})}
	v.mu.Lock()
	defer v.mu.Unlock()
	at.Store(v)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if d.how == anyInstant {
		go v.killIn(d.after)
	}
	return v
}

// noteCall is called before and after AWS handles a call of the process.
func (v *victim) noteCall(action string, served bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !served {
		v.calls++
		v.pace.calls = v.calls
		if !v.swap.IsZero() && v.pace.swap == 0 {
			v.pace.swap = time.Since(v.swap)
		}
	}
	d := v.death
	hit := d.how == atCreate && action == "CreateAccessKey" || d.how == atCall && v.calls == d.call
	switch {
	case !hit || served != d.served:
	case d.after == 0:
		v.kill()
	default:
		go v.killIn(d.after)
	}
}

// noteSwap is called when the temporary file of a swap appears.
func (v *victim) noteSwap() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.swap.IsZero() {
		v.swap = time.Now()
		if v.death.how == inSwap {
			go v.killIn(v.death.after)
		}
	}
}

// killIn kills the process after d, to the microsecond. It does not sleep through the
// last millisecond, because timers are not that exact.
func (v *victim) killIn(d time.Duration) {
	at := time.Now().Add(d)
	select {
	case <-v.done:
		return
	case <-time.After(d - time.Millisecond):
	}
	for time.Now().Before(at) {
		runtime.Gosched()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kill()
}

// kill sends SIGKILL, unless the process has been waited for: another process may have
// its number by then.
func (v *victim) kill() {
	select {
	case <-v.done:
	default:
		v.killed = v.cmd.Process.Kill() == nil || v.killed
	}
}

// wait waits until the process exits, and reports whether the kill ended it.
func (v *victim) wait() (killed bool, err error) {
	err = v.cmd.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.done)
	v.pace.whole = time.Since(v.began)
	return v.killed && v.cmd.ProcessState.ExitCode() < 0, err
}

// watchSwaps calls begins whenever a swap of the file at path begins.
func watchSwaps(t *testing.T, path string, begins func()) {
	events, err := fsnotify.NewWatcher()
	if err == nil {
		err = events.Add(filepath.Dir(path))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.Close() })
	go func() {
		for e := range events.Events {
			if e.Has(fsnotify.Create) && strings.HasPrefix(filepath.Base(e.Name), "."+filepath.Base(path)+".keyd-") {
				begins()
			}
		}
	}()
}
