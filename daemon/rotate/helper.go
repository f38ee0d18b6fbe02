package rotate

import (
	"context"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// dropHelper ends a retirement. Either nothing more can be done to the old key, and the
// helper deletes itself; or the old key is kept, because a person wants it back or the
// retirement was given up, and deletes the helper. A key that another profile shows is
// left as it is.
func (d *Rotator) dropHelper(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	over, err := true, error(nil)
	switch alone := !r.Retire.Deleted.IsZero() || !r.Retire.Ended.IsZero(); {
	case !alone:
		over, err = d.keepOld(ctx, t)
	case !r.Retire.Borrowed:
		err = d.withClient(t, r.New, func(client *iam.Client) (err error) {
			over, err = d.deleteSelf(ctx, t, client)
			return err
		})
	}
	if err != nil || !over {
		return err
	}
	return d.endRetirement(t)
}

// deleteSelf lets the helper delete itself, and reports whether it is gone. No list can
// confirm that, because no key is left that could ask for one. AWS's answer counts, and
// then that AWS refuses the key which it has just accepted.
func (d *Rotator) deleteSelf(ctx context.Context, t *target, client *iam.Client) (over bool, err error) {
	r, w := t.facts.Rotation, &t.progress.wait
	if !w.sent {
		k, err := d.listSelf(ctx, t, client)
		switch {
		case err != nil:
			return d.concludeRefusal(t, err)
		case !r.NewDead.IsZero(): // a person has called it dead, and it works again
			return false, d.goOnRetiring(t)
		case !d.inCreateWindow(r, *k):
			return false, notOurs(r)
		}
		if err := d.deleteKey(ctx, t, client, r.User, r.New.ID); err != nil && iam.ClassOf(err) != iam.NoSuch {
			return d.concludeRefusal(t, err)
		}
		w.sent, w.tries, w.confirmSince = true, 0, d.Now()
	}
	_, err = d.askOwner(ctx, t, client)
	switch {
	case isType[*wrongOwnerError](err):
		return false, orLeft(err, fmt.Sprintf("AWS has said that %s is deleted, and keyd asks again", r.New))
	case err == nil && d.Now().Sub(w.confirmSince) < confirmLimit:
		w.tries = 0
		return false, d.continueIn(t, time.Second)
	case err == nil:
		return false, &gaveUpError{text: fmt.Sprintf("AWS still accepts %s, which was deleted; the next pass checks again", r.New)}
	case iam.ClassOf(err) == iam.BadKey: // AWS has answered that it is deleted, so once is enough
		return true, nil
	}
	return false, err
}

// listSelf returns the helper as a list shows it that the helper has asked for.
func (d *Rotator) listSelf(ctx context.Context, t *target, client *iam.Client) (k *iam.KeyInfo, err error) {
	err = d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool {
		k = findKey(keys, t.facts.Rotation.New.ID)
		return k != nil
	})
	return k, err
}

// notOurs refuses to delete a key that this retirement did not create.
func notOurs(r *journal.Rotation) error {
	return &needPersonError{text: fmt.Sprintf("%s was not created by the retirement of %s: it was left as it is", r.New, r.Old), hint: hint.AWSCommand("aws iam list-access-keys", r.Profiles()[0])}
}

// concludeRefusal reports whether err means that the helper is gone: AWS refuses it
// several times in a row, because it is deleted, or Inactive, and then no one can use it
// either. A young key that was never proven may merely not be known yet, and the journal
// has the only copy of its secret.
func (d *Rotator) concludeRefusal(t *target, err error) (over bool, again error) {
	if err = d.retryRefused(t, deadTries, err); iam.ClassOf(err) != iam.BadKey {
		return false, err
	}
	if r := t.facts.Rotation; d.mayBeUnknown(r) {
		return false, &gaveUpError{text: fmt.Sprintf("AWS does not know %s, not yet or no longer", r.New)}
	}
	return true, nil
}

// mayBeUnknown reports whether AWS may refuse the helper only because not every server
// knows it yet.
func (d *Rotator) mayBeUnknown(r *journal.Rotation) bool {
	age := d.Now().Sub(r.Created)
	return r.Retire.Proven.IsZero() && age < proveHardLimit && age > -journal.MaxClockOffset
}

// goOnRetiring continues a retirement that a person took for ended: the helper works.
func (d *Rotator) goOnRetiring(t *target) error {
	r := t.facts.Rotation
	r.NewDead = time.Time{}
	if !r.Retire.Ended.IsZero() {
		r.Retire.Ended, r.GiveUpReason = time.Time{}, ""
	}
	return d.JournalDir().Save(r)
}

// keepOld ends a retirement whose old key stays. The old key itself signs the deletion of
// the helper and confirms it by a list, so it is known to work by then.
func (d *Rotator) keepOld(ctx context.Context, t *target) (over bool, err error) {
	r, w := t.facts.Rotation, &t.progress.wait
	if r.GiveUpReason == "" { // AWS refuses the helper
		r.GiveUpReason = decide.DeadHelperReason(r)
		if err := d.JournalDir().Save(r); err != nil {
			return false, err
		}
	}
	if !w.accepted {
		err := d.retryRefused(t, validateTries, d.askWith(ctx, t, t.oldPair()))
		switch {
		case iam.ClassOf(err) == iam.BadKey:
			return false, d.loseOld(ctx, t)
		case err != nil:
			return false, err
		}
		w.accepted = true
	}
	if r.Retire.Borrowed {
		return true, nil
	}
	err = d.withClient(t, t.oldPair(), func(client *iam.Client) error { return d.deleteHelper(ctx, t, client) })
	if iam.ClassOf(err) == iam.BadKey { // someone has taken the old key away in this very moment
		w.accepted, w.tries = false, 0
		return false, d.continueIn(t, time.Second)
	}
	return err == nil, err
}

// deleteHelper deletes the helper, signed with the old key, which stays.
func (d *Rotator) deleteHelper(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	k, err := d.relistOwnKey(ctx, t, client, r.New.ID, iam.Active)
	switch {
	case err != nil:
		return err
	case k == nil && !t.progress.wait.sent && d.mayListLack(r):
		return &gaveUpError{text: fmt.Sprintf("AWS does not list %s, not yet or no longer", r.New)}
	case k == nil && !t.progress.wait.sent: // a list that shows the old key has not shown the helper for a while
		return nil
	case k != nil && !d.inCreateWindow(r, *k):
		return notOurs(r)
	}
	return d.deleteAndConfirm(ctx, t, client, r.New.ID)
}

// loseOld decides what to do when AWS refuses the old key, which should stay. If someone
// else has ended it, nothing is left to go back to.
func (d *Rotator) loseOld(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	var listing iam.Listing
	err := d.withClient(t, r.New, func(client *iam.Client) (err error) {
		listing, err = client.ListKeys(ctx, r.User)
		return err
	})
	old := findKey(listing.Keys, r.Old.ID)
	switch {
	case iam.ClassOf(err) == iam.BadKey && d.mayBeUnknown(r):
		return &gaveUpError{text: fmt.Sprintf("AWS refuses %s, and does not know %s, not yet or no longer", r.Old, r.New)}
	case iam.ClassOf(err) == iam.BadKey:
		if err := d.setNewDead(t, d.Now().UTC()); err != nil {
			return err
		}
		return &needPersonError{text: fmt.Sprintf("AWS refuses both %s and %s, which was to delete it: keyd can do nothing with either", r.Old, r.New), hint: decide.DeadHelperHint(r), err: err}
	case err != nil:
		return err
	case findKey(listing.Keys, r.New.ID) == nil:
		return errListNotWhole
	case !r.NewDead.IsZero():
		return d.goOnRetiring(t)
	case old != nil && old.Status == iam.Active:
		return &gaveUpError{text: fmt.Sprintf("IAM lists %s as active, and AWS does not accept it yet; the next pass checks again", r.Old)}
	}
	r.GiveUpReason, r.Retire.Ended = fmt.Sprintf("someone else made %s inactive or deleted it", credfile.Short(r.Old.ID)), d.Now().UTC()
	return d.JournalDir().Save(r)
}
