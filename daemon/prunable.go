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
type Prunable struct {
	Profile, ID, User string
	Active            bool
	Created           time.Time
	Used              *remote.Use // nil: unknown
	Suspect           bool        // a rotation waits until a person says that no one needs the key
}

// FindSecondKey returns the key of the same user that is not the profile's own.
// id may name it, or be empty if there is only one. A key that a profile shows
// is never returned. While a rotation is in progress, a key is returned only if
// keyd cannot tell whose it is and id names it.
func (d *Daemon) Second(ctx context.Context, profile, id string) (Prunable, error) {
	w, t, unlock, err := d.pruneUnit(ctx, profile, id)
	if err != nil {
		return Prunable{}, err
	}
	defer unlock()
	if err := d.lookToPrune(ctx, t, profile); err != nil {
		return Prunable{}, err
	}
	other := t.facts.Seen.Other(t.facts.ID)
	if id != "" {
		other = t.facts.Seen.Key(id)
	}
	switch {
	case other == nil && id != "":
		return Prunable{}, fmt.Errorf("%s is not a key of user %s", id, t.facts.Seen.User)
	case other == nil:
		return Prunable{}, fmt.Errorf("user %s has no second key", t.facts.Seen.User)
	}
	if err := w.unused(other.ID); err != nil {
		return Prunable{}, err
	}
	return Prunable{profile, other.ID, t.facts.Seen.User, other.Active, other.Created, other.Used, t.facts.Rotation != nil}, nil
}

// openPruneTarget takes the pass lock and returns the target of a profile whose
// user's second key may be pruned, with the function that releases the lock.
func (d *Daemon) pruneUnit(ctx context.Context, profile, id string) (*world, *unit, func(), error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	w, err := d.gather(ctx, Ask{Person: true})
	if err == nil {
		err = w.know([]string{profile}, d.Store.Paths)
	}
	if err != nil {
		leave()
		return nil, nil, nil, err
	}
	showsProfile := func(t *unit) bool { return t.names([]string{profile}) }
	i := slices.IndexFunc(w.units, func(t *unit) bool { return showsProfile(t) && t.facts.Unread == nil })
	if i < 0 {
		i = slices.IndexFunc(w.units, showsProfile)
	}
	t := w.units[i]
	if err := cmp.Or(t.prunable(profile, id), d.mayAsk(t, profile)); err != nil {
		leave()
		return nil, nil, nil, err
	}
	return w, t, leave, nil
}

// lookBeforePrune asks AWS for the user's keys. It then checks again whether
// the account is excluded, since not every key id reveals its account.
func (d *Daemon) lookToPrune(ctx context.Context, t *unit, profile string) error {
	if err := d.look(ctx, t); err != nil {
		return err
	}
	return d.mayAsk(t, profile)
}

// checkNotExcluded refuses to sign anything with a decoy or with a key of
// never_accounts, as Next does for a pass.
func (d *Daemon) mayAsk(t *unit, profile string) error {
	if why := leaveAlone(t.facts.ID, t.facts.account(), d.Settings.NeverAccounts); why != "" {
		return fmt.Errorf("%s: %s", profile, why)
	}
	return nil
}

// checkPrunable refuses while a rotation is in progress, unless the rotation is
// stuck because keyd cannot tell whose the key with this id is.
func (t *unit) prunable(profile, id string) error {
	switch r := t.facts.Rotation; {
	case id == t.facts.ID:
		return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), profile)
	case t.facts.Unread != nil:
		return t.facts.Unread
	case t.facts.Skip != "":
		return fmt.Errorf("%s: %s", profile, t.facts.Skip)
	case r != nil && r.stuck() && !slices.Contains(r.Suspects, id):
		return &needPersonError{text: r.Stuck, run: whoseIsIt(r)}
	case r == nil || r.stuck():
		if t.key.IsZero() {
			return fmt.Errorf("no file shows %s any more: keyd has no key to ask AWS with", credfile.Short(t.facts.ID))
		}
		return nil
	}
	return &needPersonError{text: fmt.Sprintf("a rotation of %s is in progress: its keys are not pruned", profile), run: Command("keyd rotate --retire-now", profile)}
}

// checkNotShown refuses a key that a profile shows.
func (w *world) unused(id string) error {
	for _, t := range w.units {
		if by := t.facts.ShownBy[id]; by != "" {
			return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), by)
		}
		if slices.ContainsFunc(t.holders, func(p credfile.Profile) bool { return p.Key.ID == id }) {
			return fmt.Errorf("%s is the key that %s uses: not pruned", credfile.Short(id), t.facts.Profiles[0])
		}
	}
	return nil
}
