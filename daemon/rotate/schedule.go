package rotate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

const (
	// maxSideBySide is how many keys take a step at the same time.
	maxSideBySide = 8
	// maxActions bounds the actions of one pass on one key. A whole rotation with
	// --retire-now takes about fifteen.
	maxActions = 40
	// maxSteps bounds the steps of one action. A proof takes at most 15 minutes.
	maxSteps = 5000
	// lockGap is how long the lock is free between two rounds, so that a command which
	// waits for it gets it.
	lockGap = 2 * state.LockPollEvery
)

// Schedule is one pass in progress. Each round takes the lock, reads the files and the
// journals anew, performs one step of the keys that are due, and releases the lock. A
// key whose action has to wait takes part again when its time has come. A process can
// abandon a Schedule after any round.
type Schedule struct {
	d       *Rotator
	request Request
	known   map[string]*progress // what earlier rounds know of each key, by the id in facts.ID
	away    outage
	closed  []Result // keys that no file shows any more, and whose rotation has ended
	rounds  int
	damaged []string  // what was found wrong with journals in any round: a damaged one is found once
	lines   []byte    // the lines that the status has shown last, as JSON
	written time.Time // when this Schedule last wrote the status; zero when it has not
	guard   *guard
	proven  bool // keyd has validated a rotation on this machine
}

// ErrYield is the cause with which a round is cancelled to make room for something
// urgent. The pass continues with the next round.
var ErrYield = errors.New("daemon: something urgent comes first")

// NewSchedule returns a pass that has not begun.
func (d *Rotator) NewSchedule(req Request) *Schedule {
	return &Schedule{d: d, request: req, known: map[string]*progress{}, guard: &guard{files: make(chan struct{}, 1), missed: map[string]bool{}}, away: outage{passBegan: d.Now().UTC()}}
}

// guard keeps the steps of one round out of each other's way.
type guard struct {
	files  chan struct{}   // filled while the AWS files are written, which may take a while
	missed map[string]bool // ids for which this pass has waited in vain
	events sync.Mutex      // held while an event is delivered, or the history is written
}

// turn is one key in one round.
type turn struct {
	*target
	decision decide.Decision
	over     *Result // how the key's part of the pass has ended, if not with decision
}

// Round performs one step of each key that is due, of at most eight, and of one key of
// a user. It returns how the keys stood before, and when the next round is due: the
// zero time when the pass is over. After the end of ctx it performs no step, and the
// pass is over. The returned error is for what concerns all keys, as in Pass.
func (s *Schedule) Round(ctx context.Context) (results []Result, next time.Time, err error) {
	d := s.d.guarded(s.guard, s.request.DryRun)
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
	due := s.chooseDue(turns, now)
	if stopped == nil {
		next = nextRound(turns, due, now)
	}
	status := state.Status{Version: state.StatusVersion, Process: d.Process, PID: os.Getpid(), SettingsErr: d.SettingsProblem, Notes: s.collectNotes(d, w), Files: w.filesRead}
	for _, t := range w.targets {
		i := slices.IndexFunc(turns, func(u *turn) bool { return u.target == t })
		if i < 0 {
			if t.lastStatus != nil { // as the previous pass left it
				status.Keys = append(status.Keys, *t.lastStatus)
			}
			continue
		}
		results = append(results, d.turnResult(turns[i], stopped))
		line := results[len(results)-1].KeyStatus
		if turns[i].decision.Do == decide.DoLook && t.lastStatus != nil { // a look tells nobody anything until AWS has answered
			line = *t.lastStatus
			line.Memory = results[len(results)-1].Memory
		}
		status.Keys = append(status.Keys, line)
	}
	for _, r := range s.closed {
		results, status.Keys = append(results, r), append(status.Keys, r.KeyStatus)
	}
	if err := s.saveStatus(d, status, next.IsZero()); err != nil && next.IsZero() {
		return results, next, err
	}
	if !next.IsZero() {
		s.runSteps(ctx, d, due)
	}
	return results, next, nil
}

// guarded returns a copy of d for one round.
func (d *Rotator) guarded(g *guard, dryRun bool) *Rotator {
	own := *d
	own.guard, own.readOnly = g, d.readOnly || dryRun
	return &own
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

// restoreJournals writes the journals again that someone has removed since the last
// round, and reports whether there were any: memory holds the only copy of the new
// secret then. A rotation that another process has ended is in the history.
func (s *Schedule) restoreJournals(d *Rotator, w *world) (restored bool) {
	for _, p := range s.known {
		r := p.rotation
		if r == nil || d.readOnly || r.New.ID == "" || d.JournalDir().Has(r.Old.ID) || w.recent.Deleted[r.New.ID] || w.recent.Deleted[r.Old.ID] {
			continue
		}
		restored = d.JournalDir().Save(r) == nil || restored
	}
	return restored
}

// takeTurns returns the keys that the request is for, with what to do about each.
func (s *Schedule) takeTurns(ctx context.Context, d *Rotator, w *world) (turns []*turn) {
	if !s.written.IsZero() && !w.statusWritten.Equal(s.written) { // another process has acted meanwhile
		for _, p := range s.known {
			p.distrust()
		}
	}
	for _, t := range w.targets {
		if !s.isFor(t) {
			continue
		}
		p := s.known[t.facts.ID]
		if p == nil {
			p = &progress{}
			s.known[t.facts.ID] = p
		}
		t.recall(p, d.Now())
		turns = append(turns, s.decideTurn(ctx, d, t))
	}
	s.proven = s.proven || w.recent.Validated
	s.letFirstGoAlone(d, w, turns)
	return turns
}

// isFor reports whether the request is for the key.
func (s *Schedule) isFor(t *target) bool {
	if s.request.keyID != "" {
		return t.facts.ID == s.request.keyID
	}
	return len(s.request.Profiles) == 0 || t.hasProfile(s.request.Profiles)
}

// decideTurn decides what to do about a key in this round.
func (s *Schedule) decideTurn(ctx context.Context, d *Rotator, t *target) *turn {
	p := t.progress
	u := &turn{target: t, over: p.over}
	if u.over != nil {
		return u
	}
	if s.request.rehearse {
		u.end(d.rehearseTarget(ctx, t))
		return u
	}
	if !p.askedFor {
		p.askedFor = true
		if err := d.noteRetireNow(t, s.request); err != nil {
			u.end(d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), err))
			return u
		}
	}
	u.decision = decide.Next(t.facts, d.Settings, d.Now())
	if u.decision.IsDue(d.Now()) {
		s.away.shareFailure(t, u.decision.Do, d.Now())
		u.decision = decide.Next(t.facts, d.Settings, d.Now())
	}
	switch {
	case u.decision.EndsPass():
		t.clearStaleFailure(d.Now())
	case s.request.DryRun && u.decision.Do != decide.DoLook:
		u.end(d.previewTarget(ctx, t, u.decision))
	case p.steps >= maxActions || p.wait.steps >= maxSteps:
		u.decision = decide.BlockUntil(d.Now().Add(decide.RecheckEvery), "keyd went in circles and stopped", "please report it with: keyd history")
	}
	if u.decision.Do != p.logged.Do || u.decision.Why != p.logged.Why {
		d.logDecision(t, u.decision)
	}
	p.logged = u.decision
	return u
}

// end ends the key's part of the pass.
func (u *turn) end(result Result) { u.over, u.progress.over = &result, &result }

// ended reports whether the key takes no further step in this pass.
func (u *turn) ended() bool { return u.over != nil || u.decision.EndsPass() }

// letFirstGoAlone makes the other keys wait for the first rotation on this machine.
func (s *Schedule) letFirstGoAlone(d *Rotator, w *world, turns []*turn) {
	if s.proven || s.request.DryRun || s.request.rehearse {
		return
	}
	first := w.firstRotation(d)
	for _, u := range turns {
		if first == nil && !u.ended() && (u.decision.Do == decide.DoPreflight || u.decision.Do == decide.DoCreate) {
			first = &decide.FirstRotation{Profile: u.facts.Profiles[0], Until: u.decision.Until}
			continue
		}
		if first != nil && u.over == nil && u.facts.Rotation == nil {
			u.setFirstRotation(first)
			u.decision = decide.Next(u.facts, d.Settings, d.Now())
		}
	}
}

// firstRotation returns the rotation in progress that is not validated yet, unless it
// waits for a person or for a long time.
func (w *world) firstRotation(d *Rotator) *decide.FirstRotation {
	for _, t := range w.targets {
		if t.facts.Rotation == nil || !t.facts.Rotation.Validated.IsZero() {
			continue
		}
		next := decide.Next(t.facts, d.Settings, d.Now())
		if !next.EndsPass() || next.Do == decide.DoWait && next.State == decide.StateRotating {
			return &decide.FirstRotation{Profile: t.facts.Profiles[0], Until: next.Until, Waits: next.EndsPass()}
		}
	}
	return nil
}

// chooseDue returns the turns that take a step now. What heals goes first, and alone.
func (s *Schedule) chooseDue(turns []*turn, now time.Time) (chosen []*turn) {
	heals := slices.ContainsFunc(turns, func(u *turn) bool { return !u.ended() && u.decision.IsDue(now) && u.decision.Heals })
	owners := map[string]bool{}
	for _, u := range turns {
		if u.ended() || !u.decision.IsDue(now) || heals != u.decision.Heals || owners[u.ownerKey()] {
			continue
		}
		owners[u.ownerKey()] = true
		if chosen = append(chosen, u); len(chosen) == maxSideBySide {
			break
		}
	}
	return chosen
}

// ownerKey identifies the user of the key, whose keys take their steps one after the
// other. A key of an unknown user stands for itself.
func (t *target) ownerKey() string {
	if r := t.facts.Rotation; r != nil {
		return r.Account + "/" + r.User
	}
	return cmp.Or(t.facts.OwnerID(), t.facts.ID)
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

// turnResult describes how a key stands in this round. stopped is why the process ends,
// or nil.
func (d *Rotator) turnResult(u *turn, stopped error) Result {
	if u.over != nil {
		return *u.over
	}
	err := u.progress.err
	if stopped != nil && !u.decision.EndsPass() {
		err = stopped
	}
	return d.makeResult(u.target, u.decision, err)
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
	s.lines, s.written = lines, status.Written
	return nil
}

// runSteps performs one step of each turn, side by side.
func (s *Schedule) runSteps(ctx context.Context, d *Rotator, due []*turn) {
	before := make([]string, len(due))
	var wait sync.WaitGroup
	for i, u := range due {
		before[i] = u.facts.ID
		if d.oneByOne || len(due) == 1 {
			s.step(ctx, d, u)
			continue
		}
		wait.Go(func() { s.step(ctx, d, u) })
	}
	wait.Wait()
	for i, u := range due {
		s.away.noteTarget(u.target)
		s.keep(d, u, before[i])
	}
}

// step performs one step of the action that was decided for a key.
func (s *Schedule) step(ctx context.Context, d *Rotator, u *turn) {
	d.reportAlive()
	t, p, do := u.target, u.progress, u.decision.Do
	err := d.runAction(ctx, t, u.decision)
	switch {
	case errors.Is(err, errNotYet):
		p.err = d.keepJournal(t)
		return
	case isInterrupted(ctx, err):
		return
	case mayBeRenamed(err) && do != decide.DoLook && d.checkRenamed(ctx, t): // a look has already checked for a new name
		p.steps++
		return
	}
	p.steps++
	d.recordOutcome(t, do, err)
	if p.err = err; err == nil {
		p.err = d.keepJournal(t)
	}
}

// keepJournal writes the journal again if someone has removed it during a step: memory
// holds the only copy of the new secret then.
func (d *Rotator) keepJournal(t *target) error {
	r := t.facts.Rotation
	if r == nil || d.JournalDir().Has(r.Old.ID) {
		return nil
	}
	return d.JournalDir().Save(r)
}

// keep remembers what a step has found out, under the id that the key has now.
func (s *Schedule) keep(d *Rotator, u *turn, before string) {
	u.remember()
	if now := u.facts.ID; now != before {
		delete(s.known, before)
		s.known[now] = u.progress
		if s.request.keyID == before {
			s.request.keyID = now
		}
	}
	if u.facts.Rotation == nil && u.facts.SkipReason != "" { // the rotation was given up, and no file shows its keys
		s.closed = append(s.closed, d.makeResult(u.target, decide.Next(u.facts, d.Settings, d.Now()), u.progress.err))
	}
}

// writeFiles calls put while no other step writes the AWS files.
func (d *Rotator) writeFiles(put func() (credfile.SwapResult, error)) (swapped credfile.SwapResult, err error) {
	err = d.alone(func() (err error) {
		swapped, err = put()
		return err
	})
	return swapped, err
}

// alone calls do while no other step writes files that several keys share.
func (d *Rotator) alone(do func() error) error {
	if d.guard != nil {
		d.guard.files <- struct{}{}
		defer func() { <-d.guard.files }()
	}
	return do()
}
