package rotate

import (
	"context"
	"errors"
	"sync"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
)

// guard keeps the steps of one round out of each other's way.
type guard struct {
	files  chan struct{}   // filled while the AWS files are written, which may take a while
	missed map[string]bool // ids for which this pass has waited in vain
	cache  fileCache
	events sync.Mutex // held while an event is delivered, or the history is written
	kept   keptConnections

	searching sync.Mutex // held while the next field is read or written
	search    *search    // the search of this machine that this pass has begun last; nil when none
}

// guarded returns a copy of d for one round.
func (d *Rotator) guarded(g *guard, dryRun bool) *Rotator {
	own, store := *d, *d.Store
	store.Memo, own.Store = &g.cache.parsed, &store
	own.guard, own.readOnly = g, d.readOnly || dryRun
	return &own
}

// runSteps performs one step of each turn, side by side. The turns beyond the first eight
// are looks. Each of them begins when an earlier one has ended, unless that has failed or
// the round has lasted long enough; then it takes part in the next round.
func (s *Schedule) runSteps(ctx context.Context, d *Rotator, due []*turn) {
	before, began := make([]string, len(due)), time.Now()
	for i, u := range due {
		before[i] = u.facts.ID
	}
	var claims sync.Mutex // held while the next two fields are read or written
	begun, failed := 0, false
	claim := func(failure bool) (u *turn) {
		claims.Lock()
		defer claims.Unlock()
		failed = failed || failure
		if begun == len(due) || begun >= maxSideBySide && (failed || ctx.Err() != nil || time.Since(began) >= looksFor) {
			return nil
		}
		begun++
		return due[begun-1]
	}
	d.sideBySide(min(len(due), maxSideBySide), func(int) {
		for u := claim(false); u != nil; u = claim(u.progress.err != nil) {
			s.step(ctx, d, u)
		}
	})
	for i, u := range due[:begun] {
		s.away.noteTarget(u.target)
		s.keep(d, u, before[i])
	}
}

// sideBySide calls do with each number below n, at the same time, and returns when all
// calls have ended. Of a Rotator that does one thing after the other, it calls do in order.
func (d *Rotator) sideBySide(n int, do func(i int)) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for i := range n {
		if d.oneByOne || n == 1 {
			do(i)
			continue
		}
		wait.Go(func() { do(i) })
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
	case errors.Is(err, errSessionOver):
		p.steps++
		return
	case isInterrupted(ctx, err):
		return
	case mayBeRenamed(err) && do != decide.DoLook && d.checkRenamed(ctx, t): // a look has already checked for a new name
		p.steps++
		return
	}
	p.steps++
	d.recordOutcome(t, do, err)
	if err != nil && t.facts.Rotation != nil || err != nil && do == decide.DoCreate {
		e := d.newEvent(t, do, VerbFailed, FailureText(t.facts.Rotation, err))
		e.Progress, e.Err = true, err
		d.Deliver(e)
	}
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

// restoreJournals rewrites the journals that someone has removed since the last round,
// and reports whether there were any: memory then holds the only copy of the new secret.
// It leaves out a rotation that another process has ended, which the history tells.
func (s *Schedule) restoreJournals(d *Rotator, w *world) (restored bool) {
	for _, p := range s.known {
		r := p.rotation
		if r == nil || d.readOnly || r.New.ID == "" || d.JournalDir().Has(r.Old.ID) || w.hasDeleted(r.New.ID) || w.hasDeleted(r.Old.ID) && r.KeepsNew() {
			continue
		}
		restored = d.JournalDir().Save(r) == nil || restored
	}
	return restored
}

// hasDeleted reports whether keyd has deleted the key lately.
func (w *world) hasDeleted(id string) bool {
	_, deleted := w.recent.Deleted[id]
	return deleted
}
