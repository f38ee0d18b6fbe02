package daemon

import (
	"context"
	"math/rand/v2"
	"os"
	"time"
)

// loop is the state of Run. A single goroutine owns it. The other goroutines, the watch
// of the files and the programs that notify people, report their results over channels.
type loop struct {
	*Daemon
	around   Around
	clock    clock
	out      *outbox
	life     Life
	due      time.Time         // when the first key is due; zero when none is
	next     time.Time         // when the next pass is due
	failures int               // passes in a row that returned an error
	needs    map[string]bool   // keys that need a person and were reported, by KeyStatus.Identity
	logged   map[string]string // the state of each key when it was last logged, by KeyStatus.Identity
}

// newLoop starts the loop: it writes daemon.json, notifies the service manager, and
// receives the events of passes.
func newLoop(d *Daemon, a Around) *loop {
	l := &loop{Daemon: d, around: a, out: newOutbox(d.Getenv), logged: map[string]string{}, needs: map[string]bool{}}
	l.clock = clock{now: d.Now}
	l.clock.set(0)
	d.awake = d.Now().Round(0)
	l.life = Life{Version: lifeVersion, PID: os.Getpid(), Since: d.awake.UTC(), Release: a.Release}
	l.life.Program, _ = os.Executable()
	if before, err := LoadStatus(d.State); err == nil {
		for _, line := range before.Keys {
			l.needs[line.name()] = line.NeedsPerson
		}
	}
	l.keep()
	d.beat = a.Supervisor.Beat
	a.Supervisor.ready()
	log := d.Tell
	d.Tell = func(e Event) { l.heard(e, log) }
	return l
}

// close notifies the service manager, waits for the programs, and removes daemon.json.
func (l *loop) end() {
	l.around.Supervisor.stopping()
	l.out.close()
	if err := l.life.remove(l.Sys, l.State); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// runPass runs one pass and computes when the next one is due.
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
	l.around.Supervisor.status(summary(results, l.next))
}

// waitForPass returns nil when the next pass is to start, or the cause of the end of ctx.
func (l *loop) wait(ctx context.Context) error {
	if l.clock.woke() { // the machine slept during the pass
		return l.wake(ctx)
	}
	for {
		left := l.next.Sub(l.Now().Round(0))
		if left <= 0 {
			return context.Cause(ctx)
		}
		timer := time.NewTimer(l.step(left))
		keepWaiting, err := l.idle(ctx, timer)
		timer.Stop()
		switch {
		case err != nil:
			return err
		case l.clock.woke():
			return l.wake(ctx)
		case !keepWaiting:
			return nil
		}
	}
}

// nextStep returns how long to sleep before the loop checks the clock again.
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

// waitForEvent waits for one event. keepWaiting is true when the event needs no pass.
func (l *loop) idle(ctx context.Context, timer *time.Timer) (keepWaiting bool, err error) {
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
			l.note("watch", "file changes may be noticed up to a minute late: "+c.Slow.Error())
			return true, nil
		}
		l.Log.Info("look", "why", c.Path+" changed")
	}
	return false, nil
}

// pauseAfterWake waits 5 to 30 s after the machine woke. This gives the network time to
// come up, and keeps a company's laptops from all calling AWS at once when their lids
// are opened at nine.
func (l *loop) wake(ctx context.Context) error {
	l.awake = l.Now().Round(0)
	l.Log.Info("woke", "why", "the wall clock ran ahead: the machine slept, or its clock was set")
	l.around.Supervisor.Beat()
	return pause(ctx, 5*time.Second+rand.N(25*time.Second))
}

// reloadSettings reads keyd.ini again. If that fails, the last good settings stay in use.
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

// timeToNextPass returns how long to sleep after a pass: until the next due time, but
// never longer than check_every, so that an edited file or a laptop that slept is
// noticed.
func (d *Daemon) untilNext(results []Result) time.Duration {
	step := d.Settings.CheckEvery
	if due := firstDue(results); !due.IsZero() {
		step = min(step, due.Sub(d.Now()))
	}
	return max(step, time.Second)
}

// earliestDue returns the earliest time at which something is due; zero when nothing is.
func firstDue(results []Result) (due time.Time) {
	for _, r := range results {
		if !r.Next.IsZero() && (due.IsZero() || r.Next.Before(due)) {
			due = r.Next
		}
	}
	return due
}
