package daemon

import (
	"context"
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
func (d *Daemon) Rehearse(ctx context.Context) ([]Rehearsal, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d = d.reader()
	w, err := d.gather(ctx, Ask{Person: true})
	if err != nil {
		return nil, err
	}
	var all []Rehearsal
	for _, t := range w.units {
		if err := context.Cause(ctx); err != nil {
			return all, err
		}
		all = append(all, d.rehearse(ctx, t))
	}
	return all, nil
}

// rehearseTarget rehearses the rotation of one key.
func (d *Daemon) rehearse(ctx context.Context, t *unit) Rehearsal {
	decision := Next(t.facts, d.Settings, d.Now())
	for range maxSteps { // before its preflight an idle key needs nothing but looks
		if decision.Do != Look || t.facts.Rotation != nil {
			break
		}
		if err := d.look(ctx, t); err != nil {
			return Rehearsal{Result: d.failed(t, decision, err)}
		}
		decision = Next(t.facts, d.Settings, d.Now())
	}
	if !t.rehearsable(decision) {
		return Rehearsal{Result: d.result(t, decision, nil)}
	}
	if err := t.facts.copyOf(t.facts.ID); err != nil {
		return Rehearsal{Result: d.result(t, keepsCopy(err, d.Now()), nil)}
	}
	if err := d.preflight(ctx, t); err != nil {
		return Rehearsal{Result: d.failed(t, decision, err)}
	}
	return Rehearsal{Result: d.result(t, decision, nil), Ready: t.facts.Ready}
}

// canRehearse reports whether keyd would rotate this key, now or later.
func (t *unit) rehearsable(decision Decision) bool {
	rests := decision.Do == Wait && decision.State == OK
	return t.facts.Rotation == nil && !t.key.IsZero() && (rests || decision.Do == Preflight)
}

// failedResult describes a failure for a person rather than for a later pass.
func (d *Daemon) failed(t *unit, decision Decision, err error) Result {
	r := d.result(t, decision, err)
	r.NeedsPerson = needsPerson(err)
	r.Run = HintFor(err, r.Profiles)
	return r
}
