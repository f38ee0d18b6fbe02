package rotate

import (
	"context"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
)

// Rehearse is a dry run over all keys, due or not, that also tries whatever can
// be tried of a rotation without starting one; see Result.Ready. No key is
// created, no file is changed, and how the keys stand is not saved to the status. The
// only request that could change something asks for the key to be Active, which it
// is already, since it signs that request. What AWS said of the keys, and that keyd
// signed with them, is remembered, and so is the id of this installation if it had none. An
// error about the memory comes with the results.
func (d *Rotator) Rehearse(ctx context.Context) ([]Result, error) {
	results, err := d.Pass(ctx, Request{Options: decide.Options{Manual: true}, DryRun: true, rehearse: true})
	if err == nil {
		err = context.Cause(ctx)
	}
	return results, err
}

// rehearseTarget rehearses the rotation of one key. Its failures are for a
// person, not for a later pass, and are not remembered.
func (d *Rotator) rehearseTarget(ctx context.Context, t *target) Result {
	decision := decide.Next(t.facts, d.Settings, d.Now())
	var err error
	for range maxActions { // before its preflight an idle key needs nothing but looks
		if decision.Do != decide.DoLook || t.facts.Rotation != nil || err != nil {
			break
		}
		if err = d.runToEnd(ctx, t, decision); err == nil {
			decision = decide.Next(t.facts, d.Settings, d.Now())
		}
	}
	if err == nil && t.canRehearse(decision) {
		if copied := t.facts.CopyErr(t.facts.ID); copied != nil {
			return d.makeResult(t, decide.BlockForCopy(copied, d.Now()), nil)
		}
		if blocked, ok := decide.BlockForLinks(t.facts, d.Now()); ok {
			return d.makeResult(t, blocked, nil)
		}
		err = d.runToEnd(ctx, t, decide.Decision{Do: decide.DoPreflight})
	}
	r := d.makeResult(t, decision, err)
	r.Calls = t.progress.evidence.calls
	if r.Ready = t.facts.PreflightDone; err != nil {
		r.NeedsPerson, r.Hint = actionNeedsPerson(err), hint.HintFor(err, r.Profiles)
	}
	return r
}

// canRehearse reports whether keyd would rotate this key, now or later.
func (t *target) canRehearse(decision decide.Decision) bool {
	rests := decision.Do == decide.DoWait && decision.State == decide.StateOK
	return t.facts.Rotation == nil && !t.pair.IsZero() && (rests || decision.Do == decide.DoPreflight)
}
