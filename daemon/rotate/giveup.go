package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
)

// giveUpNew journals why the new key is given up. Next then decides to put the
// old pair back and to delete the new key.
func (d *Rotator) giveUpNew(t *target, why string) error {
	r := t.facts.Rotation
	r.GiveUpReason = why
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	d.did(t, decide.DoValidate, VerbGaveUp, r.New.ID, why, why)
	return nil
}

// putBack writes the old pair into the files again, because the new one failed, or
// because someone has made it Inactive or deleted it since, and a person holds the
// rotation.
func (d *Rotator) putBack(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	why := cmp.Or(r.GiveUpReason, decide.DeadKeyReason(r))
	if r.Old.Secret.IsZero() {
		return &needPersonError{text: fmt.Sprintf("%s; keyd no longer has the secret of %s", why, r.Old), hint: "enter a key that works with: " + hint.AWSCommand("aws configure", r.Profiles()[0])}
	}
	if r.GiveUpReason == "" {
		if works, err := d.verifyOldRevived(ctx, t); err != nil || works {
			return err
		}
	} else if err := d.verifyOldWorks(ctx, t); err != nil {
		return err
	}
	store := d.storeOf(t)
	restored, err := d.writeFiles(func() (credfile.SwapResult, error) { return store.Restore(ctx, r.New, r.Old) })
	d.emitConcurrent(t, decide.DoPutBack, restored)
	if err != nil {
		return explainLink(store, err)
	}
	d.did(t, decide.DoPutBack, VerbPutBack, r.Old.ID, why, fmt.Sprintf("%s (%s)", r.Old, why))
	if r.GiveUpReason != "" {
		return nil
	}
	r.DeactivateStarted, r.Deactivated = time.Time{}, time.Time{} // AWS has just accepted it
	r.ForgetUse()
	return d.JournalDir().Save(r)
}

// verifyOldRevived finds out with which of its two pairs a person who holds the rotation
// can work. newWorks is true when AWS accepts the new one again: then nothing is put
// back. The old pair signs one question, because it may be Inactive by now.
func (d *Rotator) verifyOldRevived(ctx context.Context, t *target) (newWorks bool, err error) {
	r := t.facts.Rotation
	switch err := d.askWith(ctx, t, r.New); {
	case err == nil:
		return true, d.setNewDead(t, time.Time{})
	case iam.ClassOf(err) != iam.BadKey:
		return false, err
	}
	err = d.askWith(ctx, t, r.Old)
	if d.Now().Sub(r.Held) < confirmLimit { // whoever has just made a key active again holds at once, as the hint says, and AWS takes seconds to know it
		if err = d.retryRefused(t, validateTries, err); errors.Is(err, errNotYet) {
			return false, err
		}
	}
	if iam.ClassOf(err) == iam.BadKey {
		return false, &needPersonError{text: fmt.Sprintf("AWS refuses both %s and %s: neither works, and the files were left as they are", r.New, r.Old),
			hint: fmt.Sprintf("in the console of AWS, user %s: make %s or %s active again, then: %s", r.User, r.New.ID, r.Old.ID, hint.Command("keyd hold", r.Profiles()[0])), err: err}
	}
	return false, err
}

// askWith asks AWS whose key it is, signed with that key. Another owner than that of the
// rotation is an error.
func (d *Rotator) askWith(ctx context.Context, t *target, key credfile.Key) error {
	return d.withClient(t, key, func(client *iam.Client) error {
		_, err := d.askOwner(ctx, t, client)
		return err
	})
}

// verifyOldWorks refuses to put the old pair back in place of a new one that
// works, unless the old pair works too. If AWS refuses the new pair there is
// nothing to lose, and the old pair is not used to sign anything.
func (d *Rotator) verifyOldWorks(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	err := d.askWith(ctx, t, r.New)
	if class := iam.ClassOf(err); err != nil && (class == iam.BadKey || class == iam.BadSecret) {
		return nil
	}
	if err != nil && !isType[*wrongOwnerError](err) { // somebody else's pair does not count as one that works, unless the old one is called somebody else's too
		return err
	}
	if err := d.askWith(ctx, t, r.Old); err != nil {
		return fmt.Errorf("%s; %s was not put back: %w", r.GiveUpReason, r.Old, err)
	}
	return nil
}

// discardNew deletes the new key, which no file shows, and ends the rotation.
// First it makes sure that the files without the new key would survive a power
// failure: the process that put the old pair back may have been killed before
// its last step.
func (d *Rotator) discardNew(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	for _, p := range t.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return err
		}
	}
	for _, l := range t.oldLinks {
		if err := d.linkedStore(r).ReadBackLink(ctx, l, r.Old); err != nil {
			return err
		}
	}
	k, err := d.relistOwnKey(ctx, t, client, r.New.ID, iam.Active)
	switch refused := t.discardingPair() == r.New && iam.ClassOf(err) == iam.BadKey; {
	case refused && d.Now().Sub(r.Created) < proveHardLimit: // the key may simply be too young
		return &gaveUpError{text: fmt.Sprintf("%s; AWS does not know %s, not yet or no longer", r.GiveUpReason, r.New)}
	case refused: // the key is deleted or Inactive: no one can use it, and keyd cannot ask about it
	case err != nil:
		return err
	case k == nil && d.mayListLack(r):
		return &gaveUpError{text: fmt.Sprintf("%s; AWS does not list %s, not yet or no longer", r.GiveUpReason, r.New)}
	case k != nil && !d.inCreateWindow(r, *k):
		return &needPersonError{text: fmt.Sprintf("%s; %s was not created by this rotation: it was left as it is", r.GiveUpReason, r.New), hint: hint.AWSCommand("aws iam list-access-keys", r.Profiles()[0])}
	case k != nil:
		err := d.deleteKey(ctx, t, client, r.User, r.New.ID)
		if iam.ClassOf(err) == iam.NoSuch && d.mayListLack(r) { // the list has shown it, so this server may lag
			return &gaveUpError{text: fmt.Sprintf("%s; AWS lists %s, and says that it does not exist: not yet or no longer", r.GiveUpReason, r.New)}
		}
		if err != nil && iam.ClassOf(err) != iam.NoSuch {
			return err
		}
	}
	d.did(t, decide.DoDiscard, VerbDeleted, r.New.ID, r.GiveUpReason, r.New.String()+" again: "+r.GiveUpReason)
	why := r.GiveUpReason
	if err := d.closeRotation(t); err != nil {
		return err
	}
	if t.facts.Placement.Old == 0 { // a person gave the rotation up: nothing failed, and nothing is left to rotate
		t.setSkipReason(why)
		return nil
	}
	again := &decide.Failure{Do: decide.DoDiscard, Count: longWaitCount}
	if before := t.facts.Failure; before != nil && before.Do == decide.DoDiscard {
		again.At, again.Lasted = before.At, before.Lasted
	}
	t.setFailure(again)
	return &gaveUpError{text: why + "; the files still show " + credfile.Short(t.facts.ID)}
}

// closeRotation erases the journal. What AWS said before is out of date then.
func (d *Rotator) closeRotation(t *target) error {
	t.outdateSeen()
	if err := d.JournalDir().Erase(t.facts.Rotation.Old.ID); err != nil {
		return err
	}
	t.dropRotation()
	return nil
}
