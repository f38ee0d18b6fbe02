package rotate

import (
	"context"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
)

// Rehearsal is what keyd can say about one key before it rotates anything.
type Rehearsal struct {
	Result
	// Ready reports whether the preflight of a rotation passed: the files can
	// be edited, the state folder can be written, and the key may deactivate a
	// key of its user. Whether the key may create one is only known once it
	// does, since AWS has no way to ask. Ready is false for keys that are left
	// alone or need a person.
	Ready bool
}

// Rehearse looks at every key, due or not, and tries whatever can be tried of
// its rotation without starting one: no key is created, no file is changed, and
// nothing is saved to the status. The only request that could change something
// asks for the key to be Active, which it is already, since it signs that
// request. The failure of one key is in its Result.
func (d *Rotator) Rehearse(ctx context.Context) ([]Rehearsal, error) {
	unlock, err := d.lockPass(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d = d.readOnlyCopy()
	w, err := d.gatherWorld(ctx, decide.Options{Manual: true})
	if err != nil {
		return nil, err
	}
	var all []Rehearsal
	for _, t := range w.targets {
		if err := context.Cause(ctx); err != nil {
			return all, err
		}
		all = append(all, d.rehearseTarget(ctx, t))
	}
	return all, nil
}

// rehearseTarget rehearses the rotation of one key.
func (d *Rotator) rehearseTarget(ctx context.Context, t *target) Rehearsal {
	decision := decide.Next(t.facts, d.Settings, d.Now())
	for range maxActions { // before its preflight an idle key needs nothing but looks
		if decision.Do != decide.DoLook || t.facts.Rotation != nil {
			break
		}
		if err := d.lookAtKeys(ctx, t); err != nil {
			return Rehearsal{Result: d.failedResult(t, decision, err)}
		}
		decision = decide.Next(t.facts, d.Settings, d.Now())
	}
	if !t.canRehearse(decision) {
		return Rehearsal{Result: d.makeResult(t, decision, nil)}
	}
	if err := t.facts.CopyErr(t.facts.ID); err != nil {
		return Rehearsal{Result: d.makeResult(t, decide.BlockForCopy(err, d.Now()), nil)}
	}
	if err := d.runPreflight(ctx, t); err != nil {
		return Rehearsal{Result: d.failedResult(t, decision, err)}
	}
	return Rehearsal{Result: d.makeResult(t, decision, nil), Ready: t.facts.PreflightDone}
}

// canRehearse reports whether keyd would rotate this key, now or later.
func (t *target) canRehearse(decision decide.Decision) bool {
	rests := decision.Do == decide.DoWait && decision.State == decide.StateOK
	return t.facts.Rotation == nil && !t.pair.IsZero() && (rests || decision.Do == decide.DoPreflight)
}

// failedResult describes a failure for a person rather than for a later pass.
func (d *Rotator) failedResult(t *target, decision decide.Decision, err error) Result {
	r := d.makeResult(t, decision, err)
	r.NeedsPerson = actionNeedsPerson(err)
	r.Hint = hint.HintFor(err, r.Profiles)
	return r
}
