package daemon

import (
	"context"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// confirmFor is how long a change is waited for in ListAccessKeys: the list
// lags behind by seconds.
const confirmFor = 30 * time.Second

// describe sets the console's description column of the new key. It is an
// optional permission: a refusal is remembered for this rotation and no trouble.
func (d *Daemon) describe(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Describe(ctx, r.User, r.New.ID, d.description())
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.Quota && class != iam.Invalid {
		return err
	}
	r.Described = true
	return d.journal().Save(r)
}

// checkUse asks when AWS last saw the old key. Without the permission the time
// of the overlap alone decides.
func (d *Daemon) checkUse(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	use, err := client.LastUsed(ctx, r.Old.ID)
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.NoSuch {
		return err
	}
	r.UseRead, r.Used = d.Now().UTC(), &Use{At: use.At.Add(-r.Offset), Service: use.Service, Region: use.Region}
	if err != nil || use.At.IsZero() {
		r.Used = nil
	}
	return d.journal().Save(r)
}

// deactivate makes the old key Inactive, signed with the new one, and verifies
// that the new one still works; if not, it takes the step back.
func (d *Daemon) deactivate(ctx context.Context, u *unit) error {
	r, signer := u.facts.Rotation, u.facts.Rotation.New
	if d.flaw == oldDeactivates {
		signer = r.Old
	}
	client, err := d.client(u, signer)
	if err != nil {
		return err
	}
	defer client.Close()
	r.Deactivating = d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		return err
	}
	if err := client.SetStatus(ctx, r.User, r.Old.ID, iam.Inactive); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return d.notDeactivated(u, err)
	}
	if _, err := retried(ctx, validateTries, func() (iam.Identity, error) { return client.CallerIdentity(ctx, u.site.Regions[0]) }); err != nil {
		return d.stepBack(ctx, u, client, err)
	}
	if err := d.confirm(ctx, u, client, func(keys []iam.KeyInfo) bool {
		old, next := contains(keys, r.Old.ID), contains(keys, r.New.ID)
		return (old == nil || old.Status != iam.Active) && next != nil && next.Status == iam.Active
	}); err != nil {
		return err
	}
	r.Deactivated = d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		return err
	}
	u.facts.Seen = staleSeen(u.facts.Seen) // whatever the clock says, it was before
	d.record(u, "deactivated", r.Old.ID, "")
	d.tell(u, Deactivate, "deactivated", fmt.Sprintf("%s, and %s still works", r.Old, r.New))
	return nil
}

// notDeactivated forgets the intent when AWS certainly did nothing.
func (d *Daemon) notDeactivated(u *unit, err error) error {
	if definite(err) {
		u.facts.Rotation.Deactivating = time.Time{}
		if saveErr := d.journal().Save(u.facts.Rotation); saveErr != nil {
			return saveErr
		}
	}
	return err
}

func (d *Daemon) stepBack(ctx context.Context, u *unit, client *iam.Client, why error) error {
	r := u.facts.Rotation
	if iam.ClassOf(why) != iam.BadKey {
		return why // no word on the key: the next pass verifies again
	}
	if err := client.SetStatus(ctx, r.User, r.Old.ID, iam.Active); err != nil {
		return fmt.Errorf("%w, and %s could not be made active again: %w", why, r.Old, err)
	}
	r.Deactivating = time.Time{}
	if err := d.journal().Save(r); err != nil {
		return err
	}
	return &needPersonError{text: fmt.Sprintf("%s was refused after %s was deactivated: %s is active again", r.New, r.Old, r.Old), run: "keyd status " + r.Profiles()[0], err: why}
}

// revive makes the old key Active again for a person who holds the rotation.
// When it is gone there is nothing left to hold, and the rotation ends.
func (d *Daemon) revive(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.SetStatus(ctx, r.User, r.Old.ID, iam.Active)
	if iam.ClassOf(err) == iam.NoSuch {
		r.Held = time.Time{}
		d.tell(u, Revive, "too late", r.Old.String()+" is deleted: there is nothing left to hold")
		return d.journal().Save(r)
	}
	if err != nil {
		return err
	}
	r.Deactivating, r.Deactivated = time.Time{}, time.Time{}
	if err := d.journal().Save(r); err != nil {
		return err
	}
	d.record(u, "revived", r.Old.ID, "held by a person")
	d.tell(u, Revive, "revived", r.Old.String()+" is active again")
	return nil
}

// delete ends the rotation: the old key is gone, and so is the journal, unless
// somebody has put another text into the files in these very seconds. The
// journal has the only other copy of the new secret: it stays, and mends them.
func (d *Daemon) delete(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := d.deleteKey(ctx, u, client, r.Old.ID); err != nil {
		return err
	}
	if r.Described { // an optional permission; a tag left behind harms nobody
		_ = client.Undescribe(ctx, r.User, r.Old.ID)
	}
	d.record(u, "deleted", r.Old.ID, "")
	d.tell(u, Delete, "deleted", r.Old.String())
	if err := d.lookAgain(ctx, u); err != nil { // nothing slow stands between this look and the end
		return err
	}
	if u.facts.Rotation == nil || u.facts.Shows.Old > 0 || u.facts.Shows.New == 0 {
		return nil
	}
	return d.succeed(u)
}

// succeed closes the rotation and hands what is known over to the new id.
func (d *Daemon) succeed(u *unit) error {
	r := u.facts.Rotation
	if err := d.journal().Erase(r.Old.ID); err != nil {
		return err
	}
	u.facts.ID, u.facts.Ready, u.facts.Proven, u.facts.Ask = r.New.ID, false, false, Ask{}
	u.key, u.facts.Rotation, u.facts.Trouble = r.New, nil, nil
	if seen := u.facts.Seen; seen != nil {
		left := *seen
		left.Keys = without(seen.Keys, r.Old.ID)
		u.facts.Seen = &left
	}
	return nil
}

// putBack shows the old pair in the files again, because the new one failed.
func (d *Daemon) putBack(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	if r.Old.Secret.IsZero() {
		return &needPersonError{text: fmt.Sprintf("%s; the secret of %s is no longer known here", r.Failed, r.Old), run: "aws configure --profile " + r.Profiles()[0]}
	}
	if err := d.worthIt(ctx, u); err != nil {
		return err
	}
	if _, err := d.Store.Restore(ctx, r.New, r.Old); err != nil {
		return err
	}
	d.record(u, "put back", r.Old.ID, r.Failed)
	d.tell(u, PutBack, "put back", fmt.Sprintf("%s (%s)", r.Old, r.Failed))
	return nil
}

// worthIt refuses to put the old pair back in place of one that works, unless
// it works too. Where the new one is refused there is nothing to lose, and the
// old one signs nothing.
func (d *Daemon) worthIt(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	ask := func(key credfile.Key) error {
		client, err := d.client(u, key)
		if err != nil {
			return err
		}
		defer client.Close()
		_, err = client.CallerIdentity(ctx, u.site.Regions[0])
		return err
	}
	err := ask(r.New)
	if class := iam.ClassOf(err); err != nil && (class == iam.BadKey || class == iam.BadSecret) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := ask(r.Old); err != nil {
		return fmt.Errorf("%s; %s is not put back: %w", r.Failed, r.Old, err)
	}
	return nil
}

// discard deletes the new key, which no file shows, and ends the rotation. That
// no file shows it must survive a power failure first: the process that put the
// old pair back may have been killed before its last step.
func (d *Daemon) discard(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	signer := u.key
	if signer.IsZero() || u.facts.Shows.Old == 0 {
		signer = r.New
	}
	client, err := d.client(u, signer)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, p := range u.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return err
		}
	}
	k, err := d.ours(ctx, u, client, r.New.ID, iam.Active)
	switch refused := signer == r.New && iam.ClassOf(err) == iam.BadKey; {
	case refused && d.Now().Sub(r.Created) < proveHard: // it may only be too young
		return &gaveUpError{text: fmt.Sprintf("%s; AWS does not know %s yet, or no longer", r.Failed, r.New)}
	case refused: // deleted, or Inactive: nobody can ask, and nobody can use it
	case err != nil:
		return err
	case k != nil && !d.inWindow(r, *k):
		return &needPersonError{text: fmt.Sprintf("%s; %s was not created by this rotation: it is left as it is", r.Failed, r.New), run: "aws iam list-access-keys"}
	case k != nil:
		if err := client.DeleteKey(ctx, r.User, r.New.ID); err != nil && iam.ClassOf(err) != iam.NoSuch {
			return err
		}
	}
	d.record(u, "deleted", r.New.ID, r.Failed)
	d.tell(u, Discard, "deleted", r.New.String()+" again: "+r.Failed)
	why := r.Failed
	if err := d.closeRotation(u); err != nil {
		return err
	}
	if u.facts.Shows.Old == 0 { // a person gave it up: nothing failed, and nothing is left to rotate
		u.facts.Skip = why
		return nil
	}
	u.facts.Trouble = &Trouble{Do: Discard, Count: longWait}
	return &gaveUpError{text: why + "; the files show " + short(u.facts.ID) + " as before"}
}

// deleteKey deletes and waits until the list shows it. A key that is not there
// was deleted before.
func (d *Daemon) deleteKey(ctx context.Context, u *unit, client *iam.Client, id string) error {
	if err := client.DeleteKey(ctx, u.facts.Rotation.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	return d.confirm(ctx, u, client, func(keys []iam.KeyInfo) bool { return contains(keys, id) == nil })
}

// confirm lists until ok. The list lags, so a "no" is asked again for a while.
func (d *Daemon) confirm(ctx context.Context, u *unit, client *iam.Client, ok func([]iam.KeyInfo) bool) error {
	began := d.Now()
	for {
		listing, err := client.ListKeys(ctx, u.facts.Rotation.User)
		if err == nil && ok(listing.Keys) {
			return nil
		}
		if d.Now().Sub(began) >= confirmFor {
			if err != nil {
				return err
			}
			return &gaveUpError{text: "IAM did not show the change within " + formatAge(confirmFor) + "; it is confirmed by the next pass"}
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// listing lists again, for a while, when the list shows a key Active that keyd
// made Inactive a moment ago: each list may come from another machine, and one
// that lags must not be taken for a person who wants the key back.
func (d *Daemon) listing(ctx context.Context, client *iam.Client, u *unit, user string) (iam.Listing, error) {
	for began := d.Now(); ; {
		listing, err := client.ListKeys(ctx, user)
		r := u.facts.Rotation
		if err != nil || r == nil || d.Now().Sub(r.Deactivated) >= undisturbed || d.Now().Sub(began) >= confirmFor {
			return listing, err
		}
		if old := contains(listing.Keys, r.Old.ID); old == nil || old.Status != iam.Active {
			return listing, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return iam.Listing{}, err
		}
	}
}

func without(keys []SeenKey, id string) []SeenKey {
	var left []SeenKey
	for _, k := range keys {
		if k.ID != id {
			left = append(left, k)
		}
	}
	return left
}
