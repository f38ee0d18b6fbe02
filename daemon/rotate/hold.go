package rotate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/journal"
)

// Hold pauses the rotation of a profile's key and makes an Inactive old key
// Active again. While it is held, a key from a lost answer is neither looked
// for nor deleted. When AWS refuses the new key, because someone has made it
// Inactive or deleted it, Hold puts the old pair back into the files. Hold fails
// when no rotation of the key is in progress; see IsNoRotation.
//
// Hold ends a retirement: the old key is made Active again, and what keyd made to retire
// it is deleted. Once the old key is deleted, Hold fails.
func (d *Rotator) Hold(ctx context.Context, profile string) (Result, error) {
	return d.changeRotation(ctx, profile, VerbHeld, func(r *journal.Rotation) error {
		if r.IsRetirement() && !r.Retire.Deleted.IsZero() {
			return fmt.Errorf("%s is deleted: nothing brings it back", r.Old)
		}
		r.RetireNow, r.DeleteNow = false, false // what a person says last counts
		if r.IsRetirement() {
			r.GiveUpReason, r.Retire.Ended = wantedBack, time.Time{}
			return nil
		}
		r.Held = d.Now().UTC()
		return nil
	})
}

// wantedBack is why a retirement ends that a person holds.
const wantedBack = "a person wants it back"

// Resume continues a rotation that was held. Places where a person has put
// another key meanwhile are dropped from the rotation. When no place is left,
// the rotation is given up: the new key, which no file shows, is deleted, and
// the old one stays as it is. The same happens after Hold has put the old pair
// back. A rotation that another installation began belongs to this one from then
// on. A retirement whose helper AWS refuses is over: the person has ended both keys. Resume fails when no rotation of the key is in progress; see IsNoRotation.
func (d *Rotator) Resume(ctx context.Context, profile string) (Result, error) {
	return d.changeRotation(ctx, profile, VerbResumed, func(r *journal.Rotation) error {
		r.Held = time.Time{}
		r.ForgetUse()
		if id, err := d.installationID(); err == nil { // the person says that keyd on this machine continues
			r.Installation, r.Host = id, d.hostName()
		}
		if r.IsRetirement() {
			d.resumeRetirement(r)
		}
		return nil
	})
}

// changeRotation edits the journal of the profile's rotation, which the history calls
// verb, and then does what is due for its key.
func (d *Rotator) changeRotation(ctx context.Context, profile, verb string, edit func(*journal.Rotation) error) (Result, error) {
	w, leave, err := d.openWorld(ctx, decide.Options{Manual: true}, []string{profile}, holdLockWait, true)
	if err != nil {
		return Result{}, err
	}
	r, result, err := d.editRotation(w, profile, verb, edit)
	leave()
	if err != nil || r == nil {
		return result, err
	}
	return d.settleOne(ctx, r.Old.ID)
}

// holdLockWait is how long Hold and Resume wait for the lock. A step of a pass takes no
// longer.
const holdLockWait = 45 * time.Second

// editRotation edits the journal of the profile's rotation, which it returns. It returns
// nil, and how the key stands, when that has ended the rotation.
func (d *Rotator) editRotation(w *world, profile, verb string, edit func(*journal.Rotation) error) (*journal.Rotation, Result, error) {
	t := w.findTarget(profile, func(t *target) bool { return t.facts.Rotation != nil && t.facts.RotationErr == nil })
	if t == nil {
		return nil, Result{}, cmp.Or(w.unreadError(profile), error(&noRotationError{profile, d.Settings.ExcludeHint(profile)}))
	}
	r := t.facts.Rotation
	if err := edit(r); err != nil {
		return nil, Result{}, err
	}
	if err := dropForeignPlaces(t); err != nil {
		return nil, Result{}, err
	}
	t.giveUpDead()
	if r.New.ID == "" && r.Held.IsZero() && t.facts.Placement.Old == 0 {
		d.appendHistory(t, verb, r.Old.ID, "")
		result, err := d.abandonRotation(t)
		return nil, result, err
	}
	if err := d.JournalDir().Save(r); err != nil {
		return nil, Result{}, err
	}
	d.appendHistory(t, verb, r.Old.ID, "")
	return r, Result{}, nil
}

// settleOne does what is due for the rotation of the key oldID.
func (d *Rotator) settleOne(ctx context.Context, oldID string) (Result, error) {
	results, err := d.Pass(ctx, Request{Options: decide.Options{Manual: true}, keyID: oldID})
	if err != nil || len(results) == 0 {
		return Result{}, err
	}
	return results[len(results)-1], nil
}

// unreadError returns why keyd cannot tell whether a rotation of a profile's
// key is in progress, or nil if it can tell.
func (w *world) unreadError(profile string) error {
	if t := w.findTarget(profile, func(t *target) bool { return t.facts.RotationErr != nil }); t != nil {
		return t.facts.RotationErr
	}
	return nil
}

// noRotationError reports that no rotation of the profile's key is in progress.
type noRotationError struct {
	profile string
	exclude string // how a person excludes the key
}

func (e *noRotationError) Error() string {
	return fmt.Sprintf("%s is not being rotated", e.profile)
}

// Hint says how to exclude a profile permanently.
func (e *noRotationError) Hint() string { return "to never rotate it, " + e.exclude }

// IsNoRotation reports whether err says that no rotation of a profile's key is
// in progress.
func IsNoRotation(err error) bool { return isType[*noRotationError](err) }

// dropForeignPlaces drops the places that no longer show a key of the rotation,
// once a person has asked to continue. It refuses while keyd cannot tell which
// places those are.
func dropForeignPlaces(t *target) error {
	r := t.facts.Rotation
	if !r.Held.IsZero() {
		return nil
	}
	if r.IsRetirement() { // it depends on no place
		if r.IsStuck() {
			r.ResetReconcile()
		}
		return nil
	}
	if t.facts.Placement.Ambiguous != nil {
		return t.facts.Placement.Ambiguous
	}
	if r.IsStuck() {
		r.ResetReconcile()
	}
	r.Places = slices.DeleteFunc(r.Places, func(p journal.Place) bool {
		return slices.Contains(t.facts.Placement.Foreign, p.Profile) || slices.Contains(t.facts.Placement.Missing, p.Profile)
	})
	t.forgetForeign()
	if t.wouldGiveUp() {
		r.GiveUpReason = "no profile shows it any more"
	}
	return nil
}

// giveUpDead gives up a rotation that is no longer held and whose new key is dead, once
// the files show the old pair again.
func (t *target) giveUpDead() {
	r, shows := t.facts.Rotation, t.facts.Placement
	if !r.IsRetirement() && r.Held.IsZero() && !r.NewDead.IsZero() && !shows.ShowsNew() && shows.ShowsOld() {
		r.GiveUpReason = decide.DeadKeyReason(r)
	}
}

// RotationToGiveUp returns the profile's rotation if Resume would give it up
// and delete its new key, because no profile shows a key of it any more.
// Otherwise it returns nil. It changes nothing.
func (d *Rotator) RotationToGiveUp(ctx context.Context, profile string) (*journal.Rotation, error) {
	w, err := d.readOnlyCopy().gatherWorld(ctx, decide.Options{Manual: true})
	if err != nil {
		return nil, err
	}
	if t := w.findTarget(profile, func(t *target) bool { return t.facts.Rotation != nil && t.wouldGiveUp() }); t != nil {
		return t.facts.Rotation, nil
	}
	return nil, nil
}

// wouldGiveUp reports whether no file shows a key of the rotation any more, so
// that continuing the rotation means ending it.
func (t *target) wouldGiveUp() bool {
	shows := t.facts.Placement
	return t.facts.Rotation.New.ID != "" && !t.facts.Rotation.IsRetirement() && !shows.ShowsOld() && !shows.ShowsNew() && shows.Ambiguous == nil && t.facts.RotationErr == nil
}

// abandonRotation ends a rotation without a known new key whose old key no file
// shows any more, because a person has asked to continue.
func (d *Rotator) abandonRotation(t *target) (Result, error) {
	why := "no profile shows it any more; aws iam list-access-keys shows whether a second key was left behind"
	d.appendHistory(t, VerbGaveUp, t.facts.ID, why)
	if err := d.closeRotation(t); err != nil {
		return Result{}, err
	}
	t.setSkipReason(why)
	result := d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), nil)
	return result, d.saveStatusLine(t, result)
}
