package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// checkUse asks AWS when it last saw the old key in use. Without the
// permission, only the length of the overlap decides, and the person is told so.
//
// A use that has just been seen, or that continues, is a reason to search this machine for
// what holds the old key. So is a rotation without a search, which a person has begun.
func (d *Rotator) checkUse(ctx context.Context, t *target, client *iam.Client) error {
	r, w := t.facts.Rotation, &t.progress.wait
	if w.lastUse == nil {
		reading, err := readOldUse(ctx, t, client)
		if err != nil {
			return err
		}
		reading.at = d.Now().UTC()
		w.lastUse = reading
	}
	if r.IsRetirement() { // the person was asked about the copies before it began
		w.lastUse.note(r)
		return d.noteMeanwhile(t)
	}
	noted := *r
	noted.UseDays = slices.Clone(r.UseDays)
	w.lastUse.note(&noted)
	newly, before := noted.UsedByOthers() && !r.UsedByOthers(), forever
	switch {
	case newly:
		before = decide.SearchedNow
	case noted.UsedByOthers():
		before = decide.SearchedToday
	}
	if err := d.searchCopies(ctx, t, before, inOverlapLimit); err != nil {
		return err
	}
	w.lastUse.note(r)
	if newly {
		d.reportStillUsed(t)
	} else {
		d.reportCopies(t)
	}
	return d.JournalDir().Save(r)
}

// useReading is an answer about the last use of the old key.
type useReading struct {
	last   *remote.Use // nil: AWS has recorded none
	denied bool
	noCall bool      // the IAM, which is not AWS's, does not know the question
	at     time.Time // when AWS answered
}

// note records the answer in a rotation.
func (u *useReading) note(r *journal.Rotation) {
	r.NoteUse(u.last, u.denied, u.at)
	r.UseNoCall = u.noCall
}

// readOldUse asks AWS when the old key was last used.
func readOldUse(ctx context.Context, t *target, client *iam.Client) (*useReading, error) {
	use, err := client.LastUsed(ctx, t.facts.Rotation.Old.ID, t.userName())
	switch class := iam.ClassOf(err); {
	case err != nil && class != iam.Denied && class != iam.NoSuch && !iam.IsNotOffered(err):
		return nil, err
	case err == nil && !use.At.IsZero():
		return &useReading{last: &use}, nil
	default:
		return &useReading{denied: err != nil && class != iam.NoSuch, noCall: iam.IsNotOffered(err)}, nil
	}
}

// reportStillUsed tells the person that someone uses the old key, and what on this machine
// holds it.
func (d *Rotator) reportStillUsed(t *target) {
	r := t.facts.Rotation
	by := fmt.Sprintf("%s in %s", r.LastUse.Service, r.LastUse.Region)
	text := fmt.Sprintf("%s is still used: by %s, at %s", r.Old, by, r.LastUse.At.Local().Format("2 Jan 15:04"))
	if found := t.facts.CopiesFound; !found.IsEmpty() {
		text += "; " + found.Describe(r.Profiles()[0])
		by += "; it stands in " + found.Count()
	}
	d.appendHistory(t, VerbStillUsed, r.Old.ID, "")
	e := d.newEvent(t, decide.DoCheckUse, VerbStillUsed, text)
	e.Brief = by
	d.Deliver(e)
}

// deactivateOld makes the old key Inactive, signed with the new one, and
// verifies that the new one still works. If AWS refuses the new key then, the
// old one is made Active again.
func (d *Rotator) deactivateOld(ctx context.Context, t *target, client *iam.Client) error {
	r, w := t.facts.Rotation, &t.progress.wait
	if !w.sent {
		if err := d.sendDeactivate(ctx, t, client); err != nil {
			return err
		}
		w.sent = true
	}
	if !w.accepted {
		if _, err := d.askOwner(ctx, t, client); err != nil {
			err = orLeft(err, r.Old.String()+" was made inactive a moment ago, and keyd stops there")
			if err = d.retryRefused(t, validateTries, err); errors.Is(err, errNotYet) {
				return err
			}
			return d.reactivateOld(ctx, t, client, err)
		}
		w.accepted = true
	}
	err := d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool {
		old, next := findKey(keys, r.Old.ID), findKey(keys, r.New.ID)
		return (old == nil || old.Status != iam.Active) && next != nil && next.Status == iam.Active
	})
	if t.endedWithOld(err) { // no list can say it more clearly
		err = d.loseSession(t)
	}
	if err != nil {
		return err
	}
	r.Deactivated = d.Now().UTC()
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	t.markWatched()
	t.outdateSeen() // whatever the clock says, that look came before the deactivation
	if r.IsRetirement() {
		d.reportRetired(t)
		return nil
	}
	d.reportDeactivated(t)
	return nil
}

// sendDeactivate journals that the old key may be Inactive from now on, and makes it
// Inactive.
func (d *Rotator) sendDeactivate(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if err := d.confirmOwner(ctx, t, client); err != nil { // first, because the intent says that the old key may be off
		return err
	}
	r.DeactivateStarted = d.Now().UTC()
	if r.IsRetirement() && r.Retire.Proven.IsZero() {
		r.Retire.Proven = r.DeactivateStarted
	}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	if err := d.deactivateKey(ctx, t, client, r.User, r.Old.ID); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return d.clearDeactivating(t, err)
	}
	return nil
}

// reportDeactivated tells the person that the old key no longer works, and how to bring it
// back.
func (d *Rotator) reportDeactivated(t *target) {
	r := t.facts.Rotation
	note, text, back := "", fmt.Sprintf("%s (%s was checked: it works)", r.Old, r.New), ""
	if r.UseDenied && !r.RetireNow && !r.DeleteNow {
		note = state.UseDeniedNote
		if r.UseNoCall {
			note = decide.UseUnknown("it", true)
		}
		text += "; " + note
	}
	if !r.DeleteNow {
		back = hint.Command("keyd hold", r.Profiles()[0])
		text += fmt.Sprintf("; until %s this makes it usable again: %s", r.Deactivated.Add(d.Settings.Quarantine).Local().Format("2 Jan 15:04"), back)
	}
	d.appendHistory(t, VerbDeactivated, r.Old.ID, note)
	e := d.newEvent(t, decide.DoDeactivate, VerbDeactivated, text)
	e.Hint = back
	d.Deliver(e)
}

// clearDeactivating withdraws the journaled intent to deactivate when AWS
// certainly did nothing.
func (d *Rotator) clearDeactivating(t *target, err error) error {
	if hadNoEffect(err) {
		t.facts.Rotation.DeactivateStarted = time.Time{}
		if saveErr := d.JournalDir().Save(t.facts.Rotation); saveErr != nil {
			return saveErr
		}
	}
	return err
}

// reactivateOld makes the old key Active again after AWS refused the new one.
// It does nothing after an error that says nothing about the new key.
func (d *Rotator) reactivateOld(ctx context.Context, t *target, client *iam.Client, why error) error {
	r := t.facts.Rotation
	if iam.ClassOf(why) != iam.BadKey {
		return why // says nothing about the key: the next pass verifies it again
	}
	if err := client.SetStatus(ctx, r.User, r.Old.ID, iam.Active); err != nil {
		return fmt.Errorf("%w, and %s could not be made active again: %w", why, r.Old, err)
	}
	r.DeactivateStarted = time.Time{}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	return &needPersonError{text: fmt.Sprintf("%s was refused after %s was deactivated: %s is active again", r.New, r.Old, r.Old),
		hint: askConsole(r.User, r.New.ID) + ", then: " + hint.Command("keyd rotate", r.Profiles()[0]) + "; to keep the old key instead: " + hint.Command("keyd hold", r.Profiles()[0]), err: why}
}

// reviveOld makes the old key Active again for a person who holds the rotation.
// If the old key was already deleted, there is nothing left to hold and the
// rotation ends.
func (d *Rotator) reviveOld(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if err := d.confirmOwner(ctx, t, client); isType[*wrongOwnerError](err) { // a silent STS does not delay a hold
		return err
	}
	err := client.SetStatus(ctx, r.User, r.Old.ID, iam.Active)
	if mayBeRenamed(err) && d.checkRenamed(ctx, t) { // perhaps not the key but the user is missing under that name
		err = client.SetStatus(ctx, r.User, r.Old.ID, iam.Active)
	}
	if iam.ClassOf(err) == iam.NoSuch { // one server says so: a list of the user's keys has to say the same
		if err := d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool { return findKey(keys, r.Old.ID) == nil && findKey(keys, r.New.ID) != nil }); err != nil {
			return err
		}
		r.Held = time.Time{}
		if r.IsRetirement() {
			r.GiveUpReason = ""
		}
		d.emit(t, decide.DoRevive, VerbTooLate, r.Old.String()+" was already deleted: there is nothing left to hold")
		return d.JournalDir().Save(r)
	}
	if err != nil {
		return err
	}
	r.DeactivateStarted, r.Deactivated = time.Time{}, time.Time{}
	r.ForgetUse()
	t.noteRevived()
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	d.did(t, decide.DoRevive, VerbRevived, r.Old.ID, "held by a person", r.Old.String()+" is active again")
	return nil
}

// deleteOld deletes the old key and ends the rotation. The journal is erased as
// well, unless another program changed the files in the last few seconds. The
// journal holds the only other copy of the new secret, so in that case it
// stays, and the files are mended from it.
func (d *Rotator) deleteOld(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if r.IsRetirement() {
		return d.deleteRetired(ctx, t, client)
	}
	if err := d.deleteAndConfirm(ctx, t, client, r.Old.ID); err != nil {
		return err
	}
	mayTag := r.Described && client.UndescribeKey(ctx, r.User, r.Old.ID) == nil // an optional permission; a leftover tag does no harm
	d.did(t, decide.DoDelete, VerbDeleted, r.Old.ID, "", r.Old.String())
	if mayTag && d.Settings.DescribeKeys {
		d.anchorHistory(ctx, t, client)
	}
	d.tellUndelivered(t)
	if err := d.rereadTarget(ctx, t); err != nil { // nothing slow happens between this read and the end
		return err
	}
	if t.facts.Rotation == nil || t.facts.Placement.ShowsOld() || !t.facts.Placement.ShowsNew() {
		return nil
	}
	return d.handOver(t)
}

// handOver closes the rotation and carries what is known over to the new id.
func (d *Rotator) handOver(t *target) error {
	r := t.facts.Rotation
	if err := d.JournalDir().Erase(r.Old.ID); err != nil {
		return err
	}
	t.adoptNewID(r)
	return nil
}
