package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keyd/daemon/iam"
)

// Hold pauses the rotation of a profile's key and makes an Inactive old key
// Active again. It is an error when no rotation of it goes on.
func (d *Daemon) Hold(ctx context.Context, profile string) (Result, error) {
	return d.change(ctx, profile, func(r *Rotation) { r.Held = d.Now().UTC() })
}

// Resume goes on with a rotation that was held. Where a person has put another
// key into the files meanwhile, it lets those places be; when no place is left
// the rotation is given up: the new key, which no file shows, is deleted, and
// the old one stays as it is.
func (d *Daemon) Resume(ctx context.Context, profile string) (Result, error) {
	return d.change(ctx, profile, func(r *Rotation) { r.Held = time.Time{} })
}

func (d *Daemon) change(ctx context.Context, profile string, edit func(*Rotation)) (Result, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	w, err := d.gather(ctx, Ask{Person: true})
	if err != nil {
		return Result{}, err
	}
	if err := w.know([]string{profile}, d.Store.Paths); err != nil {
		return Result{}, err
	}
	i := slices.IndexFunc(w.units, func(u *unit) bool { return u.facts.Rotation != nil && u.names([]string{profile}) })
	if i < 0 {
		return Result{}, &noRotationError{profile}
	}
	u := w.units[i]
	edit(u.facts.Rotation)
	letGo(u)
	if err := d.journal().Save(u.facts.Rotation); err != nil {
		return Result{}, err
	}
	result := d.settle(ctx, u, Request{Ask: Ask{Person: true}})
	return result, d.saveLine(result)
}

// letGo forgets the places that no longer show a key of the rotation, once a
// person has said to go on.
func letGo(u *unit) {
	r := u.facts.Rotation
	if !r.Held.IsZero() {
		return
	}
	if r.New.ID == "" && r.Stuck != "" {
		r.Stuck, r.Sent, r.Answered = "", time.Time{}, time.Time{} // look once more, without a window: nothing is believed ours
	}
	r.Places = slices.DeleteFunc(r.Places, func(p Place) bool {
		return slices.Contains(u.facts.Shows.Third, p.Profile) || slices.Contains(u.facts.Shows.Gone, p.Profile)
	})
	u.facts.Shows.Third, u.facts.Shows.Gone = nil, nil
	if u.facts.Shows.Old+u.facts.Shows.New == 0 && r.New.ID != "" {
		r.Failed = "no profile shows it any more"
	}
}

// saveLine replaces one key's line in the status.
func (d *Daemon) saveLine(result Result) error {
	status, err := recall(d.Sys, d.State)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(status.Keys, func(l KeyLine) bool { return slices.Equal(l.Profiles, result.Profiles) })
	if i < 0 {
		status.Keys = append(status.Keys, result.KeyLine)
	} else {
		status.Keys[i] = result.KeyLine
	}
	status.Written, status.Process = d.Now().UTC(), d.Process
	return status.save(d.Sys, d.State)
}

type noRotationError struct{ profile string }

func (e *noRotationError) Error() string {
	return fmt.Sprintf("no rotation of %s goes on", e.profile)
}

// Hint says how to leave a profile alone for good.
func (e *noRotationError) Hint() string {
	return fmt.Sprintf("to never rotate it: [profile %s] rotate = never, in keyd.ini", e.profile)
}

// Prunable is a second key of a profile's user, as shown before it is pruned.
type Prunable struct {
	Profile, ID, User string
	Active            bool
	Created           time.Time
	Used              *Use // nil: AWS does not tell
}

// Second looks for the key of the same user that is not the profile's own. id
// may name it, or be empty when there is only one. The key that a rotation is
// about is never offered.
func (d *Daemon) Second(ctx context.Context, profile, id string) (Prunable, error) {
	u, unlock, err := d.idleUnit(ctx, profile)
	if err != nil {
		return Prunable{}, err
	}
	defer unlock()
	if err := d.look(ctx, u); err != nil {
		return Prunable{}, err
	}
	other := u.facts.Seen.Other(u.facts.ID)
	if id != "" {
		other = u.facts.Seen.Key(id)
	}
	switch {
	case id == u.facts.ID:
		return Prunable{}, fmt.Errorf("%s is the key that %s uses: it is not pruned", short(id), profile)
	case other == nil && id != "":
		return Prunable{}, fmt.Errorf("%s is no key of the user %s", id, u.facts.Seen.User)
	case other == nil:
		return Prunable{}, fmt.Errorf("the user %s has no second key", u.facts.Seen.User)
	}
	return Prunable{profile, other.ID, u.facts.Seen.User, other.Active, other.Created, other.Used}, nil
}

// Prune deletes p when it is Inactive. An Active key that a person has named is
// only made Inactive, which can be undone; deleting it takes a second call.
func (d *Daemon) Prune(ctx context.Context, p Prunable) error {
	u, unlock, err := d.idleUnit(ctx, p.Profile)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.look(ctx, u); err != nil {
		return err
	}
	key := u.facts.Seen.Key(p.ID)
	if key == nil || key.Active != p.Active || p.ID == u.facts.ID {
		return fmt.Errorf("%s has changed meanwhile: nothing was done", short(p.ID))
	}
	if !p.Active {
		if err := d.prune(ctx, u, p.ID); err != nil {
			return err
		}
		return d.forget(u)
	}
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(ctx, p.User, p.ID, iam.Inactive); err != nil {
		return err
	}
	d.record(u, "deactivated", p.ID, "pruned by a person")
	return d.forget(u)
}

// forget lets the next pass look again: what is remembered of the user's keys
// would tell the person for a day that the second one is in the way.
func (d *Daemon) forget(u *unit) error {
	u.facts.Seen = staleSeen(u.facts.Seen)
	return d.saveLine(d.result(u, wait(Due, d.Now(), "a second key was pruned: the next pass looks again"), nil))
}

// prune deletes a second, Inactive key.
func (d *Daemon) prune(ctx context.Context, u *unit, id string) error {
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.DeleteKey(ctx, u.facts.Seen.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	u.facts.Seen = staleSeen(u.facts.Seen)
	d.record(u, "deleted", id, "pruned")
	d.tell(u, Prune, "deleted", short(id)+", which was inactive")
	return nil
}

// idleUnit is the unit of a profile that no rotation is about, under the lock.
func (d *Daemon) idleUnit(ctx context.Context, profile string) (*unit, func(), error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	u, err := d.findIdle(ctx, profile)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return u, unlock, nil
}

func (d *Daemon) findIdle(ctx context.Context, profile string) (*unit, error) {
	w, err := d.gather(ctx, Ask{Person: true})
	if err != nil {
		return nil, err
	}
	if err := w.know([]string{profile}, d.Store.Paths); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(w.units, func(u *unit) bool { return u.names([]string{profile}) })
	u := w.units[i]
	switch {
	case u.facts.Rotation != nil:
		return nil, &needPersonError{text: fmt.Sprintf("a rotation of %s goes on: its keys are not pruned", profile), run: "keyd rotate --retire-now " + profile}
	case u.facts.Skip != "":
		return nil, fmt.Errorf("%s: %s", profile, u.facts.Skip)
	}
	return u, nil
}
