package rotate

import (
	"context"
	"fmt"
	"strings"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// oldPair returns the pair of the key that is being retired: as it was when that began,
// because a person may have taken it out of the files since.
func (t *target) oldPair() credfile.Key {
	if r := t.facts.Rotation; r != nil && !r.Old.Secret.IsZero() {
		return r.Old
	}
	return t.pair
}

// helperSigns reports whether the helper of a retirement signs the looks: AWS has accepted
// it reliably, and the old key is not about to delete it.
func (t *target) helperSigns() bool {
	r := t.facts.Rotation
	if r != nil && r.GiveUpReason != "" && r.DeactivateStarted.IsZero() {
		return false
	}
	return r != nil && r.IsRetirement() && r.New.ID != "" && (t.facts.Proven || !r.Retire.Proven.IsZero())
}

// newKeyWorked reports whether AWS has accepted the new key of the rotation, so that a
// refusal means that someone has made it Inactive or deleted it.
func (t *target) newKeyWorked() bool {
	r := t.facts.Rotation
	return r != nil && !r.Validated.IsZero() || t.helperSigns()
}

// lookAtHelper judges a look in a retirement, which returned err.
func (d *Rotator) lookAtHelper(ctx context.Context, t *target, client *iam.Client, err error) error {
	switch {
	case !t.helperSigns():
		return err
	case err == nil:
		return d.noteListedNew(t)
	case iam.ClassOf(err) == iam.BadKey:
		return d.confirmDead(ctx, t, client, err)
	}
	return err
}

// noteMeanwhile keeps the old key if someone has used it since the person was asked.
func (d *Rotator) noteMeanwhile(t *target) error {
	r := t.facts.Rotation
	if r.UsedMeanwhile() {
		r.GiveUpReason = fmt.Sprintf("it was used by %s in %s, at %s", r.LastUse.Service, r.LastUse.Region, r.LastUse.At.Local().Format("2 Jan 15:04"))
		d.did(t, decide.DoCheckUse, VerbStillUsed, r.Old.ID, r.GiveUpReason, r.Old.String()+" is not retired: "+r.GiveUpReason)
	}
	return d.JournalDir().Save(r)
}

// deleteRetired deletes the old key. A list by the helper that shows the helper itself is
// the proof. From then on the helper is all that is left of the user's keys here.
func (d *Rotator) deleteRetired(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if err := d.deleteAndConfirm(ctx, t, client, r.Old.ID); err != nil {
		return err
	}
	r.Retire.Deleted = d.Now().UTC()
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	d.did(t, decide.DoDelete, VerbDeleted, r.Old.ID, state.RetiredNote, r.Old.String()+", which no one uses")
	return nil
}

// reportRetired tells the person that the key is Inactive, and how to bring it back.
func (d *Rotator) reportRetired(t *target) {
	r := t.facts.Rotation
	text, back := fmt.Sprintf("%s, which no one uses", r.Old), ""
	if r.Retire.Forced {
		text = r.Old.String()
	}
	if !r.DeleteNow {
		back = hint.Command("keyd hold", r.Profiles()[0])
		text += fmt.Sprintf("; until %s this makes it usable again: %s", r.Deactivated.Add(d.Settings.Quarantine).Local().Format("2 Jan 15:04"), back)
	}
	d.appendHistory(t, VerbDeactivated, r.Old.ID, state.RetiredNote)
	e := d.newEvent(t, decide.DoDeactivate, VerbDeactivated, text)
	e.Hint = back
	d.Deliver(e)
}

// endRetirement erases the journal, and says how the retirement has ended.
func (d *Rotator) endRetirement(t *target) error {
	r := t.facts.Rotation
	if !r.Retire.Borrowed {
		d.appendHistory(t, VerbDeleted, r.New.ID, "the key that retired "+credfile.Short(r.Old.ID))
	}
	verb, note, text := VerbKept, r.GiveUpReason, fmt.Sprintf("%s, which is not retired: %s", r.Old, r.GiveUpReason)
	if !r.Retire.Deleted.IsZero() || r.GiveUpReason == endedByPerson {
		verb, note, text = VerbRetired, "", fmt.Sprintf("%s is gone; %s can be taken out of the files", r.Old, strings.Join(r.Profiles(), ", "))
	}
	d.did(t, decide.DoDropHelper, verb, r.Old.ID, note, text)
	shown := t.facts.Placement.Old > 0
	if err := d.closeRotation(t); err != nil {
		return err
	}
	t.markJustClosed()
	if !shown { // nothing is left that a pass would look at
		t.setSkipReason(verb + ": no profile shows it any more")
	}
	return nil
}

// noteNotRetired tells a person that a retirement ends before it has begun, because the
// answer to the creation of the helper was lost.
func (d *Rotator) noteNotRetired(t *target) {
	r := t.facts.Rotation
	if !r.IsRetirement() {
		return
	}
	why := "the answer to CreateAccessKey was lost"
	d.did(t, decide.DoReconcile, VerbKept, r.Old.ID, why, fmt.Sprintf("%s, which is not retired: %s; to begin again: %s", r.Old, why, hint.Command("keyd retire", r.Profiles()[0])))
	t.markJustClosed()
}

// resumeRetirement takes a person's word that a retirement goes on, or that both keys are
// ended at AWS when keyd can sign with neither.
func (d *Rotator) resumeRetirement(r *journal.Rotation) {
	switch {
	case !r.NewDead.IsZero() && r.Retire.Deleted.IsZero():
		r.Retire.Ended = d.Now().UTC()
		if !r.DeactivateStarted.IsZero() {
			r.GiveUpReason = endedByPerson
		}
	case r.GiveUpReason == wantedBack && !r.DeactivateStarted.IsZero(): // what a person says last counts
		r.GiveUpReason = ""
	}
}

// endedByPerson is why a retirement is over in which keyd can sign with neither key.
const endedByPerson = "a person has ended it in the console of AWS"

// isRetiring reports whether a person retires the key.
func (t *target) isRetiring() bool {
	return t.facts.Rotation != nil && t.facts.Rotation.IsRetirement()
}
