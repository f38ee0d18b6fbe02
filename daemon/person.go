package daemon

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// Hold pauses the rotation of a profile's key and makes an Inactive old key
// Active again. While it is held, a key from a lost answer is neither looked
// for nor deleted. Hold fails when no rotation of the key is in progress; see
// IsNoRotation.
func (d *Daemon) Hold(ctx context.Context, profile string) (Result, error) {
	return d.change(ctx, profile, func(r *Rotation) { r.Held = d.Now().UTC() })
}

// Resume continues a rotation that was held. Places where a person has put
// another key meanwhile are dropped from the rotation. When no place is left,
// the rotation is given up: the new key, which no file shows, is deleted, and
// the old one stays as it is. Resume fails when no rotation of the key is in
// progress; see IsNoRotation.
func (d *Daemon) Resume(ctx context.Context, profile string) (Result, error) {
	return d.change(ctx, profile, func(r *Rotation) {
		r.Held = time.Time{}
		r.forgetUse()
	})
}

// changeRotation edits the journal of the profile's rotation and then does what
// is due for its key.
func (d *Daemon) change(ctx context.Context, profile string, edit func(*Rotation)) (Result, error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	w, err := d.gather(ctx, Ask{Person: true})
	if err != nil {
		return Result{}, err
	}
	if err := w.know([]string{profile}, d.Store.Paths); err != nil {
		return Result{}, err
	}
	i := slices.IndexFunc(w.units, func(t *unit) bool {
		return t.facts.Rotation != nil && t.facts.Unread == nil && t.names([]string{profile})
	})
	if i < 0 {
		return Result{}, cmp.Or(w.unread(profile), error(&noRotationError{profile}))
	}
	t := w.units[i]
	edit(t.facts.Rotation)
	if err := letGo(t); err != nil {
		return Result{}, err
	}
	if r := t.facts.Rotation; r.New.ID == "" && r.Held.IsZero() && t.facts.Shows.Old == 0 {
		return d.abandon(t)
	}
	if err := d.journal().Save(t.facts.Rotation); err != nil {
		return Result{}, err
	}
	result := d.settle(ctx, t, Request{Ask: Ask{Person: true}})
	return result, d.saveLine(t, result)
}

// unreadError returns why keyd cannot tell whether a rotation of a profile's
// key is in progress, or nil if it can tell.
func (w *world) unread(profile string) error {
	for _, t := range w.units {
		if t.names([]string{profile}) && t.facts.Unread != nil {
			return t.facts.Unread
		}
	}
	return nil
}

// dropForeignPlaces drops the places that no longer show a key of the rotation,
// once a person has asked to continue. It refuses while keyd cannot tell which
// places those are.
func letGo(t *unit) error {
	r := t.facts.Rotation
	if !r.Held.IsZero() {
		return nil
	}
	if t.facts.Shows.Doubt != nil {
		return t.facts.Shows.Doubt
	}
	if r.stuck() {
		r.askAgain()
	}
	r.Places = slices.DeleteFunc(r.Places, func(p Place) bool {
		return slices.Contains(t.facts.Shows.Third, p.Profile) || slices.Contains(t.facts.Shows.Gone, p.Profile)
	})
	t.facts.Shows.Third, t.facts.Shows.Gone = nil, nil
	if t.givesUp() {
		r.Failed = "no profile shows it any more"
	}
	return nil
}

// wouldGiveUp reports whether no file shows a key of the rotation any more, so
// that continuing the rotation means ending it.
func (t *unit) givesUp() bool {
	shows := t.facts.Shows
	return t.facts.Rotation.New.ID != "" && shows.Old+shows.New == 0 && shows.Doubt == nil && t.facts.Unread == nil
}

// RotationToGiveUp returns the profile's rotation if Resume would give it up
// and delete its new key, because no profile shows a key of it any more.
// Otherwise it returns nil. It changes nothing.
func (d *Daemon) GivesUp(ctx context.Context, profile string) (*Rotation, error) {
	w, err := d.reader().gather(ctx, Ask{Person: true})
	if err != nil {
		return nil, err
	}
	for _, t := range w.units {
		if t.facts.Rotation != nil && t.names([]string{profile}) && t.givesUp() {
			return t.facts.Rotation, nil
		}
	}
	return nil, nil
}

// abandonRotation ends a rotation without a known new key whose old key no file
// shows any more, because a person has asked to continue.
func (d *Daemon) abandon(t *unit) (Result, error) {
	why := "no profile shows it any more; aws iam list-access-keys shows whether a second key was left behind"
	d.record(t, "gave up", t.facts.ID, why)
	if err := d.closeRotation(t); err != nil {
		return Result{}, err
	}
	t.facts.Skip = why
	result := d.result(t, Next(t.facts, d.Settings, d.Now()), nil)
	return result, d.saveLine(t, result)
}

// saveStatusLine replaces one key's line in the status. Lines of other keys
// stay, even those with the same profiles: someone may have put another key
// into the files in the middle of a rotation.
func (d *Daemon) saveLine(t *unit, result Result) error {
	status, err := recall(d.Sys, d.State)
	if err != nil {
		return err
	}
	ids := []string{result.Key, t.facts.ID} // the files may have shown the other id before
	if t.line != nil {
		ids = append(ids, t.line.Key)
	}
	own := func(l KeyLine) bool {
		if l.Key == "" || result.Key == "" {
			return l.Key == result.Key && slices.Equal(l.Profiles, result.Profiles)
		}
		return slices.Contains(ids, l.Key)
	}
	i := slices.IndexFunc(status.Keys, own)
	if i < 0 {
		i = len(status.Keys)
	}
	status.Keys = slices.Insert(slices.DeleteFunc(status.Keys, own), i, result.KeyLine)
	status.Written, status.Process, status.PID = d.Now().UTC(), d.Process, os.Getpid()
	return status.save(d.Sys, d.State)
}

// noRotationError reports that no rotation of the profile's key is in progress.
type noRotationError struct{ profile string }

func (e *noRotationError) Error() string {
	return fmt.Sprintf("no rotation of %s is in progress", e.profile)
}

// Hint says how to exclude a profile permanently.
func (e *noRotationError) Hint() string {
	return fmt.Sprintf("to never rotate it: [profile %s] rotate = never, in keyd.ini", e.profile)
}
