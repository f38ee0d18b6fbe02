package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// PruneCandidate is a second key of a profile's user, as shown to a person
// before it is pruned.
type PruneCandidate struct {
	Profile, KeyID, User string
	Active               bool
	Created              time.Time
	LastUse              *remote.Use // nil: unknown
	Suspect              bool        // a rotation waits until a person says that no one needs the key
}

// FindSecondKey returns the key of the same user that is not the profile's own.
// id may name it, or be empty if there is only one. A key that a profile shows
// is never returned. While a rotation is in progress, a key is returned only if
// keyd cannot tell whose it is and id names it.
func (d *Rotator) FindSecondKey(ctx context.Context, profile, id string) (PruneCandidate, error) {
	w, t, unlock, err := d.openPruneTarget(ctx, profile, id)
	if err != nil {
		return PruneCandidate{}, err
	}
	defer unlock()
	if err := d.lookBeforePrune(ctx, t, profile); err != nil {
		return PruneCandidate{}, err
	}
	other := t.facts.Seen.FindOther(t.facts.ID)
	if id != "" {
		other = t.facts.Seen.FindKey(id)
	}
	switch {
	case other == nil && id != "":
		return PruneCandidate{}, fmt.Errorf("%s is not a key of user %s", id, t.facts.Seen.User)
	case other == nil:
		return PruneCandidate{}, fmt.Errorf("user %s has no second key", t.facts.Seen.User)
	}
	if err := w.checkNotShown(other.ID); err != nil {
		return PruneCandidate{}, err
	}
	return PruneCandidate{profile, other.ID, t.facts.Seen.User, other.Active, other.Created, other.LastUse, t.facts.Rotation != nil}, nil
}

// openPruneTarget takes the pass lock and returns the target of a profile whose
// user's second key may be pruned, with the function that releases the lock.
func (d *Rotator) openPruneTarget(ctx context.Context, profile, id string) (*world, *target, func(), error) {
	leave, err := d.lockAndSweep(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	w, err := d.gatherWorld(ctx, Options{Manual: true})
	if err == nil {
		err = w.requireProfiles([]string{profile}, d.Store.Paths)
	}
	if err != nil {
		leave()
		return nil, nil, nil, err
	}
	showsProfile := func(t *target) bool { return t.hasProfile([]string{profile}) }
	i := slices.IndexFunc(w.targets, func(t *target) bool { return showsProfile(t) && t.facts.RotationErr == nil })
	if i < 0 {
		i = slices.IndexFunc(w.targets, showsProfile)
	}
	t := w.targets[i]
	if err := cmp.Or(t.checkPrunable(profile, id), d.checkNotExcluded(t, profile)); err != nil {
		leave()
		return nil, nil, nil, err
	}
	return w, t, leave, nil
}

// lookBeforePrune asks AWS for the user's keys. It then checks again whether
// the account is excluded, since not every key id reveals its account.
func (d *Rotator) lookBeforePrune(ctx context.Context, t *target, profile string) error {
	if err := d.lookAtKeys(ctx, t); err != nil {
		return err
	}
	return d.checkNotExcluded(t, profile)
}

// checkNotExcluded refuses to sign anything with a decoy or with a key of
// never_accounts, as Next does for a pass.
func (d *Rotator) checkNotExcluded(t *target, profile string) error {
	if why := NeverSignReason(t.facts.ID, t.facts.knownAccount(), d.Settings.NeverAccounts); why != "" {
		return fmt.Errorf("%s: %s", profile, why)
	}
	return nil
}

// checkPrunable refuses while a rotation is in progress, unless the rotation is
// stuck because keyd cannot tell whose the key with this id is.
func (t *target) checkPrunable(profile, id string) error {
	switch r := t.facts.Rotation; {
	case id == t.facts.ID:
		return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), profile)
	case t.facts.RotationErr != nil:
		return t.facts.RotationErr
	case t.facts.SkipReason != "":
		return fmt.Errorf("%s: %s", profile, t.facts.SkipReason)
	case r != nil && r.IsStuck() && !slices.Contains(r.Suspects, id):
		return &needPersonError{text: r.StuckReason, hint: SuspectHint(r)}
	case r == nil || r.IsStuck():
		if t.pair.IsZero() {
			return fmt.Errorf("no file shows %s any more: keyd has no key to ask AWS with", credfile.Short(t.facts.ID))
		}
		return nil
	}
	return &needPersonError{text: fmt.Sprintf("a rotation of %s is in progress: its keys are not pruned", profile), hint: Command("keyd rotate --retire-now", profile)}
}

// checkNotShown refuses a key that a profile shows.
func (w *world) checkNotShown(id string) error {
	for _, t := range w.targets {
		if by := t.facts.ShownBy[id]; by != "" {
			return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), by)
		}
		if slices.ContainsFunc(t.holders, func(p credfile.Profile) bool { return p.Key.ID == id }) {
			return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), t.facts.Profiles[0])
		}
	}
	return nil
}
