package daemon

import (
	"context"
	"math/rand/v2"
	"os"
	"time"
)

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
	needs    map[string]bool   // keys that need a person, told already; by name
	logged   map[string]string // the last line of each key; by name
}

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
	l.around.Supervisor.status(summary(results, l.next))
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
