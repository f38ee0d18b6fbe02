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
	for _, u := range w.units {
		if err := context.Cause(ctx); err != nil {
			return all, err
		}
		all = append(all, d.rehearse(ctx, u))
	}
	return all, nil
}

// rehearseTarget rehearses the rotation of one key.
func (d *Daemon) rehearse(ctx context.Context, u *unit) Rehearsal {
	decision := Next(u.facts, d.Settings, d.Now())
	for range maxSteps { // before its preflight an idle key needs nothing but looks
		if decision.Do != Look || u.facts.Rotation != nil {
			break
		}
		if err := d.look(ctx, u); err != nil {
			return Rehearsal{Result: d.failed(u, decision, err)}
		}
		decision = Next(u.facts, d.Settings, d.Now())
	}
	if !u.rehearsable(decision) {
		return Rehearsal{Result: d.result(u, decision, nil)}
	}
	if err := u.facts.copyOf(u.facts.ID); err != nil {
		return Rehearsal{Result: d.result(u, keepsCopy(err, d.Now()), nil)}
	}
	if err := d.preflight(ctx, u); err != nil {
		return Rehearsal{Result: d.failed(u, decision, err)}
	}
	return Rehearsal{Result: d.result(u, decision, nil), Ready: u.facts.Ready}
}

// canRehearse reports whether keyd would rotate this key, now or later.
func (u *unit) rehearsable(decision Decision) bool {
	rests := decision.Do == Wait && decision.State == OK
	return u.facts.Rotation == nil && !u.key.IsZero() && (rests || decision.Do == Preflight)
}

// failedResult describes a failure for a person rather than for a later pass.
func (d *Daemon) failed(u *unit, decision Decision, err error) Result {
	r := d.result(u, decision, err)
	r.NeedsPerson = needsPerson(err)
	r.Run = HintFor(err, r.Profiles)
	return r
}
