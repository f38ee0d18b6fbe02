package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// readOwnUse asks AWS, with the key itself, when the key was last used. It runs before
// any other call of that day that is signed with the key; otherwise keyd's own call would
// be the answer. A person who retires the key gets a reading of now. Nothing depends on it. Only a missing network is an error, because the
// look that follows would fail in the same way.
func (d *Rotator) readOwnUse(ctx context.Context, t *target, client *iam.Client) error {
	now := d.Now().UTC()
	use := decide.KeyUse{}
	if t.facts.Use != nil {
		use = *t.facts.Use
	}
	s := t.session()
	again := use.Denied && t.needsMFA() && s.IsUsable(now) // what was denied without MFA may be allowed with it
	for _, earlier := range []time.Time{use.Read, use.Signed} {
		if age := now.Sub(earlier); age < decide.RecheckEvery && age > -journal.MaxClockOffset && t.progress.retire == nil && !again {
			return nil
		}
	}
	last, err := client.LastUsed(ctx, t.facts.ID, t.userName())
	switch class := iam.ClassOf(err); {
	case err == nil:
		if seen := t.facts.Seen; seen != nil && !last.At.IsZero() {
			last.At = last.At.Add(-seen.Offset)
		}
		t.setUse(use.AddReading(last, now))
	case class == iam.Denied, iam.IsNotOffered(err):
		t.setUse(use.AddDenial(now, iam.IsNotOffered(err)))
	case class == iam.Unsent:
		return err
	}
	return nil
}

// lookAround asks AWS about a key, as lookAtKeys does. Of a key at rest it reads the last
// use first, and explains a refusal from keyd's own history. Of the new key of a rotation
// it finds out whether someone has made it Inactive or deleted it.
func (d *Rotator) lookAround(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if r == nil {
		if err := d.readOwnUse(ctx, t, client); err != nil {
			return err
		}
		err := d.lookAtKeys(ctx, t, client)
		if t.facts.JustClosed { // the key may have been made active again a moment ago, which AWS learns of in seconds
			if err = d.retryRefused(t, validateTries, err); errors.Is(err, errNotYet) {
				return err
			}
		}
		return d.explainRefusal(t, err)
	}
	err := d.lookAtKeys(ctx, t, client)
	switch {
	case r.IsRetirement():
		return d.lookAtHelper(ctx, t, client, err)
	case r.Validated.IsZero():
		return err
	case err == nil && t.wasDenied(): // by a denial, AWS says that it knows the key
		return d.setNewDead(t, time.Time{})
	case err == nil:
		return d.noteListedNew(t)
	case iam.ClassOf(err) == iam.BadKey:
		return d.confirmDead(ctx, t, client, err)
	case !r.Held.IsZero() && !isInterrupted(ctx, err): // the hold does not depend on it
		d.Log.Warn("look", "key", credfile.Short(r.New.ID), "why", err.Error())
		t.markWatched()
		return nil
	}
	return err
}

// signedByNew returns a step that is signed with the new key. If AWS refuses the new key
// after the files showed it, the step reports that, rather than which of its calls failed.
func signedByNew(perform func(*Rotator, context.Context, *target, *iam.Client) error) func(*Rotator, context.Context, *target) error {
	return signedBy((*target).newPair, func(d *Rotator, ctx context.Context, t *target, client *iam.Client) error {
		err := perform(d, ctx, t, client)
		if err != nil && t.newKeyWorked() && iam.ClassOf(err) == iam.BadKey {
			return d.confirmDead(ctx, t, client, err)
		}
		return err
	})
}

// deadTries is how often in a row, a second apart, AWS must refuse a key that it accepted
// before.
const deadTries = 5

// confirmDead journals that AWS refuses the new key. AWS's servers do not all know the
// same, so it asks again first; if the key is accepted after all, the action continues, and
// only in the end it returns refused.
func (d *Rotator) confirmDead(ctx context.Context, t *target, client *iam.Client, refused error) error {
	if r := t.facts.Rotation; !r.NewDead.IsZero() { // it was confirmed before
		if t.facts.Options.Manual && r.Held.IsZero() { // whoever has just made it active again asks at once, as the hint says
			if err := d.retryRefused(t, validateTries, refused); errors.Is(err, errNotYet) {
				return err
			}
		}
		return d.setNewDead(t, d.Now().UTC())
	}
	_, err := d.askOwner(ctx, t, client)
	err = d.retryRefused(t, deadTries, err)
	switch {
	case errors.Is(err, errNotYet):
		return err
	case err == nil: // another server refused it: what it refused had no effect, and is asked again
		return d.retryRefused(t, validateTries, refused)
	case iam.ClassOf(err) != iam.BadKey:
		return err
	}
	return d.setNewDead(t, d.Now().UTC())
}

// noteListedNew compares the list with what the files show: someone may have made the new
// key Inactive or deleted it a moment ago, so that it still signs. A list without a key
// that is younger than ten minutes may lag.
func (d *Rotator) noteListedNew(t *target) error {
	r := t.facts.Rotation
	key := t.facts.Seen.FindKey(r.New.ID)
	switch {
	case key != nil && key.Active:
		return d.setNewDead(t, time.Time{})
	case t.facts.Seen.User == "", key == nil && d.Now().Sub(r.Created) < decide.UndisturbedFor: // no list, or one that may lag
		t.markWatched()
		return nil
	}
	return d.setNewDead(t, d.Now().UTC())
}

// setNewDead journals since when the new key is known to be dead; the zero time when it
// works.
func (d *Rotator) setNewDead(t *target, at time.Time) error {
	r := t.facts.Rotation
	t.markWatched()
	if r.NewDead.IsZero() && at.IsZero() || d.readOnly {
		r.NewDead = at
		return nil
	}
	if r.NewDead.IsZero() {
		d.appendHistory(t, VerbRefused, r.New.ID, "made inactive or deleted by someone else")
	}
	r.NewDead = at
	return d.JournalDir().Save(r)
}

// reportUnused tells a person that no one uses a key that is being replaced.
func (d *Rotator) reportUnused(t *target) {
	r := t.facts.Rotation
	if r.UnusedSince.IsZero() {
		return
	}
	d.did(t, decide.DoCreate, VerbUnused, r.Old.ID, "", fmt.Sprintf("no one but keyd has used %s since %s; it is replaced all the same; if no one needs it, when the rotation is over: %s", r.Old, r.UnusedSince.Local().Format("2 Jan 2006"), hint.Command("keyd retire", r.Profiles()[0])))
}
