package rotate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"keyd/daemon/state"
)

const (
	// maxSideBySide is how many keys take a step at the same time.
	maxSideBySide = 8
	// looksFor is how long a round begins further looks: a command waits for the lock no
	// longer than passLockWait.
	looksFor = time.Second
	// maxActions bounds the actions of one pass on one key. A whole rotation with
	// --retire-now takes about fifteen.
	maxActions = 40
	// maxSteps bounds the steps of one action. A proof takes at most 15 minutes.
	maxSteps = 5000
	// lockGap is how long the lock is free between two rounds, so that a command which
	// waits for it gets it.
	lockGap = 2 * state.LockPollEvery
	// idleLimit is below which a wait needs no round of its own: the status tells of longer ones.
	idleLimit = 1100 * time.Millisecond
)

// Schedule is one pass in progress. Each round takes the lock, reads the files and the
// journals again, performs one step for each of the keys that are due, and releases the
// lock. A key whose action has to wait takes part again when its time has come. A
// process can abandon a Schedule after any round.
type Schedule struct {
	d       *Rotator
	request Request
	known   map[string]*progress // what earlier rounds know of each key, by the id in facts.ID
	shown   map[string]string    // the id that each profile had when the pass first saw it
	away    outage
	closed  []Result // keys that no file shows any more, and whose rotation has ended
	rounds  int
	damaged []string // what was found wrong with journals in any round: a damaged one is found once
	lines   []byte   // the lines that the status has shown last, as JSON
	guard   *guard
	proven  bool // keyd has validated a rotation on this machine
}

// ErrYield is the cause with which a round is cancelled to make room for something
// urgent. The pass continues with the next round.
var ErrYield = errors.New("daemon: something urgent comes first")

// NewSchedule returns a pass that has not begun.
func (d *Rotator) NewSchedule(req Request) *Schedule {
	if d.hookRuns == nil {
		d.hookRuns = &hookRuns{}
	}
	d.shareSessions()
	return &Schedule{d: d, request: req, known: map[string]*progress{}, shown: map[string]string{}, guard: &guard{files: make(chan struct{}, 1), missed: map[string]bool{}}, away: outage{passBegan: d.Now().UTC()}}
}

// Round performs one step for each key that is due: for at most eight keys at a time, and
// for one key of each user. It returns how the keys stood before those steps, and when the next
// round is due: the zero time when the pass is over. Once ctx has ended it performs no
// step, and the pass is over. The returned error is for what concerns all keys, as in
// Pass.
func (s *Schedule) Round(ctx context.Context) (results []Result, next time.Time, err error) {
	d := s.d.guarded(s.guard, s.request.DryRun)
	defer func() {
		if next.IsZero() {
			s.guard.kept.close()
		}
	}()
	stopped := context.Cause(ctx)
	if errors.Is(stopped, ErrYield) {
		stopped, ctx = nil, context.WithoutCancel(ctx)
	}
	reading := ctx
	if stopped != nil && s.rounds > 0 { // what the steps have done is still saved
		reading = context.WithoutCancel(ctx)
	}
	w, leave, err := s.open(reading, d)
	if err != nil {
		return nil, next, err
	}
	defer leave()
	now := d.Now()
	turns := s.takeTurns(ctx, d, w)
	if stopped != nil {
		d.endHooks(turns)
	}
	due := d.chooseDue(turns, now)
	if stopped == nil {
		next = nextRound(turns, due, now)
	}
	status := state.Status{Version: state.StatusVersion, Process: d.Process, PID: os.Getpid(), SettingsErr: d.SettingsProblem, Notes: s.collectNotes(d, w), Files: w.filesRead}
	for _, t := range w.targets {
		if len(results) == len(turns) || turns[len(results)].target != t {
			if t.lastStatus != nil { // as the previous pass left it
				status.Keys = append(status.Keys, *t.lastStatus)
			}
			continue
		}
		u := turns[len(results)]
		result := d.turnResult(u, stopped)
		results, status.Keys = append(results, result), append(status.Keys, u.statusLine(result))
	}
	for _, r := range s.closed {
		results, status.Keys = append(results, r), append(status.Keys, r.KeyStatus)
	}
	if s.request.DryRun && next.IsZero() {
		return results, next, d.rememberLooks(results)
	}
	if err := s.saveStatus(d, status, next.IsZero()); err != nil && next.IsZero() {
		return results, next, err
	}
	if !next.IsZero() {
		s.runSteps(ctx, d, due)
		next = skipIdleRound(turns, due, next, d.Now())
	}
	return results, next, nil
}

// skipIdleRound returns when the round after this one is due, now that its steps are done. As a
// rule that is next. If all that they began has to wait a moment, and nothing else is due
// before, then a round in between would find nothing to do, and is left out.
func skipIdleRound(turns, due []*turn, next, now time.Time) time.Time {
	first := now.Add(idleLimit)
	for _, u := range turns {
		at := u.decision.Until
		switch {
		case slices.Contains(due, u):
			at = u.progress.wait.until
		case u.ended():
			continue
		}
		if at.Before(first) {
			first = at
		}
	}
	if !first.After(next) || !first.Before(now.Add(idleLimit)) {
		return next
	}
	return first
}

// midPassLockWait is how long a pass that has begun waits for the step of another
// process to end.
const midPassLockWait = time.Minute

// open takes the lock and gathers the world. Only the first round refuses profiles
// that do not exist: a rotation may drop one.
func (s *Schedule) open(ctx context.Context, d *Rotator) (w *world, leave func(), err error) {
	limit, profiles := passLockWait, s.request.Profiles
	if s.rounds > 0 {
		limit, profiles = midPassLockWait, nil
	}
	sweeps := s.rounds == 0
	s.rounds++
	w, leave, err = d.openWorld(ctx, s.request.Options, profiles, limit, sweeps)
	if err != nil || !s.restoreJournals(d, w) {
		return w, leave, err
	}
	leave()
	return d.openWorld(ctx, s.request.Options, profiles, limit, sweeps)
}

// nextRound returns when the round after this one is due: soon after a step, or when
// the first action continues. It is zero when no key takes a further step.
func nextRound(turns, due []*turn, now time.Time) (next time.Time) {
	if len(due) > 0 {
		return now.Add(lockGap)
	}
	for _, u := range turns {
		if !u.ended() && (next.IsZero() || u.decision.Until.Before(next)) {
			next = u.decision.Until
		}
	}
	return next
}

// collectNotes returns the notes for the status.
func (s *Schedule) collectNotes(d *Rotator, w *world) []string {
	for _, note := range w.damaged {
		if !slices.Contains(s.damaged, note) {
			s.damaged = append(s.damaged, note)
		}
	}
	notes := slices.DeleteFunc(w.lastingNotes(d.Settings), func(note string) bool { return slices.Contains(s.damaged, note) })
	return append(slices.Clone(s.damaged), notes...)
}

// saveStatus writes the status when a line has changed, and at the end of the pass. An
// error in between is left to the end of the pass.
func (s *Schedule) saveStatus(d *Rotator, status state.Status, last bool) error {
	if s.request.DryRun {
		return nil
	}
	lines, err := json.Marshal(status.Keys)
	if err != nil || !last && bytes.Equal(lines, s.lines) {
		return err
	}
	status.Written = d.Now().UTC()
	if err := status.Save(d.Sys, d.StateDir); err != nil {
		return err
	}
	s.lines = lines
	if last {
		d.saveFleet(status)
	}
	return nil
}
