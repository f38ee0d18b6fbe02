package daemon

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/notify"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// loop is the state of Run. A single goroutine owns it. The other goroutines, the watch
// of the files and the programs that notify people, report their results over channels.
type loop struct {
	*rotate.Rotator
	options     RunOptions
	wakes       wakeDetector
	outbox      *notify.Outbox
	info        state.DaemonInfo
	schedule    *rotate.Schedule     // the pass in progress; nil between two passes
	firstDue    time.Time            // when the first key is due; zero when none is
	nextPass    time.Time            // when the next round or pass is due
	failures    int                  // passes in a row that returned an error
	needy       []rotate.Result      // keys that newly need a person, and were not reported yet
	retry       bool                 // a person asked to try again now
	failure     string               // the last error of a whole pass that a person was told of; "" after a pass without one
	needsPerson map[string]bool      // keys that need a person and were reported, by KeyStatus.Identity
	toldCauses  map[string]time.Time // when each cause for which keys need a person was last told
	slowWatch   error                // why changes of files are noticed late, found during a round and not noted yet
	managed     string               // what was last logged of the managed settings
	lastLogged  map[string]string    // the state of each key when it was last logged, by KeyStatus.Identity
}

// newLoop starts the loop: it writes daemon.json, notifies the service manager, and
// receives the events of passes.
func newLoop(d *rotate.Rotator, options RunOptions) *loop {
	l := &loop{Rotator: d, options: options, outbox: notify.StartOutbox(d.Getenv), lastLogged: map[string]string{}, needsPerson: map[string]bool{}}
	l.wakes = wakeDetector{now: d.Now}
	l.wakes.startStep(0)
	d.AwakeSince = d.Now().Round(0)
	l.info = state.DaemonInfo{Version: state.DaemonInfoVersion, PID: os.Getpid(), Since: d.AwakeSince.UTC(), Release: options.Release}
	l.info.Program, _ = os.Executable()
	if before, err := state.LoadStatus(d.StateDir); err == nil {
		for _, line := range before.Keys {
			l.needsPerson[line.Identity()] = line.NeedsPerson
		}
	}
	l.saveInfo()
	d.Log.Info("started", "release", options.Release, "pid", l.info.PID, "files", []string{d.Store.Paths.Credentials, d.Store.Paths.Config}, "state", d.StateDir,
		"check_every", settings.FormatDuration(d.Settings.CheckEvery), "rotate_after", settings.FormatDuration(d.Settings.RotateAfter))
	d.Heartbeat = options.Supervisor.Beat
	options.Supervisor.SendReady()
	log := d.OnEvent
	d.OnEvent = func(e rotate.Event) { l.onEvent(e, log) }
	return l
}

// close notifies the service manager, waits for the programs, and removes daemon.json.
func (l *loop) close() {
	l.options.Supervisor.SendStopping()
	l.EndHooks()
	l.outbox.Close()
	if err := l.info.Remove(l.Sys, l.StateDir); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// runRound runs one round of the pass in progress, or begins a pass, and computes when
// the next round is due.
func (l *loop) runRound(ctx context.Context) {
	l.options.Supervisor.Beat()
	l.reloadSettings()
	if l.schedule == nil || l.retry {
		l.schedule = l.NewSchedule(rotate.Request{Options: decide.Options{Retry: l.retry}})
		l.retry = false
	}
	results, next, err := l.roundUnlessChanged(ctx)
	l.reportPass(results, err)
	if err == nil && !next.IsZero() {
		l.nextPass = next.Round(0)
		if next.Sub(l.Now()) > time.Second { // otherwise more keys with the same cause may follow
			l.tellNeedy()
		}
		return
	}
	l.tellNeedy()
	l.schedule = nil
	l.planNextPass(results, err)
}

// yieldAfter is how long a round may last after a file has changed. What the change
// has broken cannot wait for an endpoint that does not answer.
const yieldAfter = 2 * time.Second

// roundUnlessChanged runs one round. If a file changes and the round takes long, the
// actions that only ask AWS are interrupted, and the next round continues them after
// what the change has made more urgent.
func (l *loop) roundUnlessChanged(ctx context.Context) (results []rotate.Result, next time.Time, err error) {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		results, next, err = l.schedule.Round(within)
	}()
	changes, late := l.options.Changed, (<-chan time.Time)(nil)
	for {
		select {
		case <-done:
			return results, next, err
		case c, ok := <-changes:
			switch {
			case !ok:
				l.options.Changed, changes = nil, nil
			case c.SlowReason != nil:
				l.slowWatch = c.SlowReason
			default:
				l.Log.Info("look", "why", c.Path+" changed")
				changes, late = nil, time.After(yieldAfter)
			}
		case <-late:
			cancel(rotate.ErrYield)
			late = nil
		}
	}
}

// planNextPass computes when the pass after this one is due.
func (l *loop) planNextPass(results []rotate.Result, err error) {
	now := l.Now().Round(0)
	l.firstDue, l.nextPass = rotate.EarliestDue(results), now.Add(l.TimeToNextPass(results))
	if l.failures++; err == nil {
		l.failures = 0
	} else if again := now.Add(decide.RetryAfter(l.failures)); again.Before(l.nextPass) {
		l.nextPass = again
	}
	l.info.NextPass = l.nextPass.UTC()
	l.saveInfo()
	l.options.Supervisor.SendStatus(summary(results, l.nextPass))
}

// waitForPass returns nil when the next pass is to start, or the cause of the end of ctx.
func (l *loop) waitForPass(ctx context.Context) error {
	if l.slowWatch != nil {
		l.noteSlowWatch(l.slowWatch)
		l.slowWatch = nil
	}
	if l.wakes.hasWoken() { // the machine slept during the round
		return l.pauseAfterWake(ctx)
	}
	if l.options.Rested != nil && l.schedule == nil && l.nextPass.Sub(l.Now().Round(0)) > restAfter {
		l.options.Rested()
	}
	for {
		left := l.nextPass.Sub(l.Now().Round(0))
		if left <= 0 {
			return context.Cause(ctx)
		}
		timer := time.NewTimer(l.nextStep(left))
		keepWaiting, err := l.waitForEvent(ctx, timer)
		timer.Stop()
		switch {
		case err != nil:
			return err
		case l.wakes.hasWoken():
			return l.pauseAfterWake(ctx)
		case !keepWaiting:
			return nil
		}
	}
}

// restAfter is how far away the next pass has to be for a daemon that rests.
const restAfter = time.Minute

const (
	dueSoon     = time.Hour       // if a key is due within this time, the loop sleeps in short steps
	dueSoonStep = 5 * time.Minute // such a step: setting the clock or waking the machine delays the key by no more
)

// nextStep returns how long to sleep before the loop checks the clock again.
func (l *loop) nextStep(left time.Duration) time.Duration {
	step := left
	if !l.firstDue.IsZero() && l.firstDue.Sub(l.Now()) <= dueSoon {
		step = min(step, dueSoonStep)
	}
	if every := l.options.Supervisor.BeatEvery(); every > 0 {
		step = min(step, every)
	}
	l.wakes.startStep(step)
	return step
}

// waitForEvent waits for one event. keepWaiting is true when the event needs no pass.
func (l *loop) waitForEvent(ctx context.Context, timer *time.Timer) (keepWaiting bool, err error) {
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-timer.C:
		l.options.Supervisor.Beat()
		return true, nil
	case why := <-l.outbox.Failures:
		l.noteProblem("telling", why)
		return true, nil
	case <-l.options.Hangup:
		l.retry = true
		l.Log.Info("look", "why", "SIGHUP")
	case c, ok := <-l.options.Changed:
		switch {
		case !ok:
			l.options.Changed = nil
			return true, nil
		case c.SlowReason != nil:
			l.noteSlowWatch(c.SlowReason)
			return true, nil
		}
		l.Log.Info("look", "why", c.Path+" changed")
	}
	return false, nil
}

// noteSlowWatch notes that changes of files are noticed late.
func (l *loop) noteSlowWatch(why error) {
	l.noteProblem("watch", "file changes may be noticed up to a minute late: "+why.Error())
}

// pauseAfterWake waits 5 to 30 s after the machine woke. This gives the network time to
// come up, and keeps a company's laptops from all calling AWS at once when their lids
// are opened at nine.
func (l *loop) pauseAfterWake(ctx context.Context) error {
	l.AwakeSince = l.Now().Round(0)
	l.Log.Info("woke", "why", "the wall clock ran ahead: the machine slept, or its clock was set")
	l.options.Supervisor.Beat()
	pause, cancel := context.WithTimeout(ctx, 5*time.Second+rand.N(25*time.Second))
	defer cancel()
	<-pause.Done()
	return context.Cause(ctx)
}

// reloadSettings reads keyd.ini again. If that fails, the last good settings stay in use.
func (l *loop) reloadSettings() {
	if l.options.Reload == nil {
		return
	}
	s, err := l.options.Reload()
	switch {
	case err == nil:
		l.Settings, err = s, s.ManagedProblem()
	case s.Managed == nil || s.Unknown || s.OwnUnknown && l.hasManaged(s.Managed): // what is in use is good, or as good
	default:
		l.Settings = s // managed settings may have changed since keyd.ini was last good
	}
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem != "" && problem != l.SettingsProblem {
		l.Log.Error("settings", "why", problem)
	}
	l.SettingsProblem = problem
	l.logManaged()
}

// hasManaged reports whether the settings in use are known, and within these managed ones.
func (l *loop) hasManaged(m *settings.Managed) bool {
	return !l.Settings.Unknown && l.Settings.Managed != nil && l.Settings.Managed.SHA256 == m.SHA256
}

// logManaged logs once which managed settings are in force, and which lines of keyd.ini have
// no effect for them.
func (l *loop) logManaged() {
	about := ""
	if m := l.Settings.Managed; m != nil {
		about = m.Path + " " + m.SHA256 + strings.Join(l.Settings.IgnoredLines(), "\n")
	}
	if about == l.managed {
		return
	}
	l.managed = about
	if about == "" {
		l.Log.Info("settings", "why", "there are no managed settings any more")
		return
	}
	l.Log.Info("settings", "managed", l.Settings.Managed.Path, "sha256", l.Settings.Managed.SHA256)
	for _, text := range l.Settings.IgnoredLines() {
		l.Log.Warn("settings", "why", text)
	}
}
