package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"keyd/credfile/atomicfile"
)

// AliveError is a second daemon on the same state folder.
type AliveError struct{}

func (AliveError) Error() string { return "a daemon already runs here" }

// Hint shows it.
func (AliveError) Hint() string { return "keyd status" }

// Around is what the process around a Daemon gives it. All of it may be zero.
type Around struct {
	Reload     func() (Settings, error) // before every pass; an error keeps the last good ones
	Changed    <-chan Change            // from Watch: look now
	Hangup     <-chan os.Signal         // look now
	Supervisor Supervisor               // systemd, if it started the process
	Release    string                   // version of the program, for the status
}

const (
	soon      = time.Hour        // what is due within it is waited for in short steps
	soonStep  = 5 * time.Minute  // a clock that is set, or a machine that wakes, delays it by no more
	overslept = 30 * time.Second // by which the wall clock runs ahead: the machine slept, or was set
)

// Run does a pass at once and then whenever something is due, a file or the
// settings change, SIGHUP comes, check_every has passed, or the machine woke
// from sleep, until ctx is cancelled; then it returns nil. A step of a rotation
// that has begun is ended first. The error is for what keeps a daemon from
// being one: no state folder, or another one there.
//
// All deadlines are by the wall clock: a timer stands still while a laptop
// sleeps, so the time that is left is found out again after every step.
func (d *Daemon) Run(ctx context.Context, a Around) error {
	release, mine, err := d.claim(ctx)
	if err != nil {
		return err
	}
	defer func() { release() }()
	l := d.loop(a)
	defer l.end()
	for {
		l.pass(ctx)
		if l.wait(ctx) != nil {
			return nil
		}
		if now, err := d.Sys.Lstat(d.lockPath()); err == nil && now.ID == mine || err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		again, id, err := d.claim(ctx) // someone removed the folder: a lock without a name keeps nobody out
		if is[AliveError](err) {
			return err
		}
		if err != nil {
			l.note("lock", err.Error())
			continue
		}
		release()
		release, mine = again, id
	}
}

func (d *Daemon) lockPath() string { return filepath.Join(d.State, "daemon.lock") }

// claim makes this process the one daemon of the state folder, and returns the
// identity of the lock that says so.
func (d *Daemon) claim(ctx context.Context) (release func(), id atomicfile.FileID, err error) {
	if err := atomicfile.MkdirAll(d.Sys, d.State, 0o700); err != nil {
		return nil, id, fmt.Errorf("daemon: the state folder: %w", err)
	}
	release, err = lockFile(ctx, d.Sys, d.lockPath(), 200*time.Millisecond)
	if is[*BusyError](err) {
		return nil, id, AliveError{}
	}
	if err != nil {
		return nil, id, err
	}
	info, err := d.Sys.Lstat(d.lockPath())
	if err != nil {
		release()
		return nil, id, fmt.Errorf("daemon: the lock: %w", err)
	}
	return release, info.ID, nil
}

// loop is the one goroutine that owns everything. What works beside it, the
// watch of the files and the commands that tell people, hands its results in by
// channels.
type loop struct {
	*Daemon
	around   Around
	clock    clock
	out      *outbox
	life     Life
	due      time.Time         // when the first key is due; zero: none is
	next     time.Time         // when to look again
	failures int               // passes in a row that did not come about
	needs    map[string]bool   // keys that need a person, told already
	logged   map[string]string // the last line of each key
}

func (d *Daemon) loop(a Around) *loop {
	l := &loop{Daemon: d, around: a, out: newOutbox(d.Getenv), logged: map[string]string{}, needs: map[string]bool{}}
	l.clock = clock{now: d.Now}
	l.clock.set(0)
	d.awake = d.Now().Round(0)
	l.life = Life{Version: lifeVersion, PID: os.Getpid(), Since: d.awake.UTC(), Release: a.Release}
	l.life.Program, _ = os.Executable()
	if before, err := LoadStatus(d.State); err == nil {
		for _, line := range before.Keys {
			l.needs[line.Key] = line.NeedsPerson
		}
	}
	l.keep()
	d.beat = a.Supervisor.Beat
	a.Supervisor.ready()
	log := d.Tell
	d.Tell = func(e Event) { l.heard(e, log) }
	return l
}

func (l *loop) end() {
	l.around.Supervisor.stopping()
	l.out.close()
	if err := l.life.remove(l.Sys, l.State); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// pass looks once, and finds out when to look again.
func (l *loop) pass(ctx context.Context) {
	l.around.Supervisor.Beat()
	l.reload()
	results, err := l.Pass(ctx, Request{})
	l.tellPass(results, err)
	now := l.Now().Round(0)
	l.due, l.next = firstDue(results), now.Add(l.untilNext(results))
	if l.failures++; err == nil {
		l.failures = 0
	} else if again := now.Add(retryAfter(l.failures)); again.Before(l.next) {
		l.next = again
	}
	l.life.Next = l.next.UTC()
	l.keep()
	l.around.Supervisor.status(results, l.next)
}

// wait returns when the next pass is to be done, or the cause for which ctx
// ended.
func (l *loop) wait(ctx context.Context) error {
	if l.clock.woke() { // in the middle of the pass
		return l.wake(ctx)
	}
	for {
		left := l.next.Sub(l.Now().Round(0))
		if left <= 0 {
			return context.Cause(ctx)
		}
		timer := time.NewTimer(l.step(left))
		again, err := l.idle(ctx, timer)
		timer.Stop()
		switch {
		case err != nil:
			return err
		case l.clock.woke():
			return l.wake(ctx)
		case !again:
			return nil
		}
	}
}

// step is how long to sleep at most before the clock is asked again.
func (l *loop) step(left time.Duration) time.Duration {
	step := left
	if !l.due.IsZero() && l.due.Sub(l.Now()) <= soon {
		step = min(step, soonStep)
	}
	if every := l.around.Supervisor.every(); every > 0 {
		step = min(step, every)
	}
	l.clock.set(step)
	return step
}

// idle waits for one thing to happen. again means that it is none that calls
// for a pass.
func (l *loop) idle(ctx context.Context, timer *time.Timer) (again bool, err error) {
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-timer.C:
		l.around.Supervisor.Beat()
		return true, nil
	case why := <-l.out.failed:
		l.note("telling", why)
		return true, nil
	case <-l.around.Hangup:
		l.Log.Info("look", "why", "SIGHUP")
	case c, ok := <-l.around.Changed:
		switch {
		case !ok:
			l.around.Changed = nil
			return true, nil
		case c.Slow != nil:
			l.note("watch", "changes of the files are seen up to a minute late: "+c.Slow.Error())
			return true, nil
		}
		l.Log.Info("look", "why", c.Path+" changed")
	}
	return false, nil
}

// wake lets the network come up, and a company's laptops not call AWS all at
// once when the lids are opened at nine.
func (l *loop) wake(ctx context.Context) error {
	l.awake = l.Now().Round(0)
	l.Log.Info("woke", "why", "the wall clock ran ahead: the machine slept, or its clock was set")
	l.around.Supervisor.Beat()
	return pause(ctx, 5*time.Second+rand.N(25*time.Second))
}

func (l *loop) reload() {
	if l.around.Reload == nil {
		return
	}
	s, err := l.around.Reload()
	if err == nil {
		l.Settings, l.SettingsProblem = s, ""
		return
	}
	if l.SettingsProblem != err.Error() {
		l.Log.Error("settings", "why", err.Error())
	}
	l.SettingsProblem = err.Error()
}

// untilNext is how long to sleep: to the next due time, but never longer than
// check_every, so that an edited file and a laptop that slept are noticed.
func (d *Daemon) untilNext(results []Result) time.Duration {
	step := d.Settings.CheckEvery
	if due := firstDue(results); !due.IsZero() {
		step = min(step, due.Sub(d.Now()))
	}
	return max(step, time.Second)
}

// firstDue is the earliest of the times at which something is to be done.
func firstDue(results []Result) (due time.Time) {
	for _, r := range results {
		if !r.Next.IsZero() && (due.IsZero() || r.Next.Before(due)) {
			due = r.Next
		}
	}
	return due
}
