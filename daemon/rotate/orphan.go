package rotate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// judgeKeys decides who made the keys that a confirmed list shows after the answer to
// CreateAccessKey was lost. A key whose secret someone has cannot be the effect of the
// call. The others are judged hours later, once AWS's record of their uses can be
// believed: another machine may have made one a second ago. Then a single key from the
// time of the call is taken for keyd's own; anything else needs a person.
func (d *Rotator) judgeKeys(ctx context.Context, t *target, client *iam.Client, keys []iam.KeyInfo) error {
	if err := d.checkSameAttempt(ctx, t); err != nil {
		return err
	}
	r := t.facts.Rotation
	left, unread, err := d.findUnexplained(ctx, t, client, keys)
	if err != nil {
		return err
	}
	r.Reconciled, r.JudgeAt, r.StuckReason, r.UseUnread, r.Suspects = d.Now().UTC(), time.Time{}, "", unread, nil
	for _, k := range left {
		r.Suspects = append(r.Suspects, k.ID)
		if ripe := k.Created.Add(-r.ClockOffset + r.ClockUncertainty() + decide.UseReportDelay).UTC(); ripe.After(r.Reconciled) && ripe.After(r.JudgeAt) {
			r.JudgeAt = ripe
		}
	}
	switch {
	case len(left) == 0:
		d.appendHistory(t, VerbNoEffect, r.Old.ID, "")
		d.emit(t, decide.DoReconcile, VerbReconciled, "CreateAccessKey had no effect")
		d.noteNotRetired(t)
		return d.closeRotation(t)
	case !r.JudgeAt.IsZero():
		d.emit(t, decide.DoReconcile, VerbReconciled, fmt.Sprintf("%s appeared at AWS meanwhile: whether it came from the lost call is found out once AWS can say whether anyone uses it", describeKeys(left)))
	case len(left) == 1 && d.inCreateWindow(r, left[0]) && !unread:
		r.OrphanID, r.Suspects = left[0].ID, nil
	default:
		r.StuckReason = stuckReason(r, left)
	}
	return d.JournalDir().Save(r)
}

// stuckReason says why keyd cannot tell whether the lost call made one of the keys.
func stuckReason(r *journal.Rotation, left []iam.KeyInfo) string {
	when := ""
	if !r.CreateSent.IsZero() { // CreateSent is zero after a person asked keyd to look again
		when = " at " + r.CreateSent.Format(time.RFC3339)
	}
	why := fmt.Sprintf("the answer to CreateAccessKey was lost%s, and keyd cannot tell whether the call made %s", when, describeKeys(left))
	if r.UseUnread {
		why += ": AWS does not let this user read whether anyone uses it (iam:GetAccessKeyLastUsed)"
	}
	return why
}

// describeKeys returns the ids and creation dates of keys, for a sentence.
func describeKeys(keys []iam.KeyInfo) string {
	var all []string
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s created %s", credfile.Short(k.ID), k.Created.UTC().Format(time.RFC3339)))
	}
	return strings.Join(all, "; ")
}

// findUnexplained returns the keys that may be the effect of the lost call: those that
// were not listed before it, that keyd has not deleted, that no file and no other
// journal shows, and that no one has used as far as AWS tells by now. A used key proves
// that someone has its secret, and no one has that of the lost call. unread is set when
// AWS does not let the user read the use of one of them.
func (d *Rotator) findUnexplained(ctx context.Context, t *target, client *iam.Client, keys []iam.KeyInfo) (left []iam.KeyInfo, unread bool, err error) {
	r := t.facts.Rotation
	for _, k := range t.withoutDeleted(keys, d.Now()) {
		if slices.Contains(r.IDsBefore, k.ID) {
			continue
		}
		shown, err := d.isShownAnywhere(ctx, r, k.ID)
		if err != nil {
			return nil, false, err
		}
		if shown {
			continue
		}
		use, err := client.LastUsed(ctx, k.ID, t.userName())
		switch {
		case iam.ClassOf(err) == iam.Denied, iam.IsNotOffered(err):
			unread = true
		case err != nil:
			return nil, false, err
		case !use.At.IsZero():
			continue
		}
		left = append(left, k)
	}
	return left, unread, nil
}

// isShownAnywhere reports whether a file that keyd knows, read again, or the journal of
// another rotation holds the key id. A file that cannot be read now is an error: it may
// hold it.
func (d *Rotator) isShownAnywhere(ctx context.Context, r *journal.Rotation, id string) (bool, error) {
	status, err := state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir)
	if err != nil {
		return false, err
	}
	for _, path := range d.filesToRemember(status) {
		text, err := atomicfile.Peek(d.Sys, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("daemon: looking for %s: %w", credfile.Short(id), err)
		}
		if bytes.Contains(text, []byte(id)) {
			return true, nil
		}
	}
	rotations, problems := d.JournalDir().Load(ctx)
	return slices.ContainsFunc(rotations, func(other *journal.Rotation) bool {
		return other.Old.ID != r.Old.ID && (other.Old.ID == id || other.New.ID == id)
	}), errors.Join(problems...)
}

// checkSameAttempt returns an error when the journal on disk is not the one that this
// pass has read. Where the locks of a shared folder exclude no one, another keyd has
// continued, and its new key must not be taken for an orphan. The next pass reads
// everything again. A missing journal is not another keyd's: it returns nil then.
func (d *Rotator) checkSameAttempt(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	now, err := d.JournalDir().Find(ctx, r.Old.ID)
	if err == nil && now != nil && !now.IsSameAttempt(r) {
		err = fmt.Errorf("daemon: another keyd has continued the rotation of %s meanwhile", r.Old)
	}
	return err
}

// inCreateWindow reports whether k was created while the lost request was in flight, by
// a clock that is known only so well.
func (d *Rotator) inCreateWindow(r *journal.Rotation, k iam.KeyInfo) bool {
	created, within := k.Created.Add(-r.ClockOffset), r.ClockUncertainty()
	return !created.Before(r.CreateSent.Add(-orphanEarly-within)) && !created.After(r.CreateDeadline().Add(orphanWindow+within))
}

// setOrphanAside makes the key that the lost call created Inactive, after checking all
// the evidence once more. This is reversible, in case the key belongs to someone else
// after all. If anything has changed, the keys are judged again.
func (d *Rotator) setOrphanAside(ctx context.Context, t *target, client *iam.Client) error {
	if err := d.checkSameAttempt(ctx, t); err != nil {
		return err
	}
	r := t.facts.Rotation
	listing, err := client.ListKeys(ctx, r.User)
	if err != nil {
		return err
	}
	left, unread, err := d.findUnexplained(ctx, t, client, listing.Keys)
	if err != nil {
		return err
	}
	if len(left) != 1 || left[0].ID != r.OrphanID || unread || !d.inCreateWindow(r, left[0]) {
		r.OrphanID = ""
		return d.JournalDir().Save(r)
	}
	if err := d.deactivateKey(ctx, t, client, r.User, r.OrphanID); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	r.OrphanDeactivated = d.Now().UTC()
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	d.appendHistory(t, VerbDeactivated, r.OrphanID, "came from a CreateAccessKey whose answer was lost")
	d.emit(t, decide.DoSetAside, VerbReconciled, fmt.Sprintf("%s came from the call whose answer was lost, and no one has its secret: made inactive", credfile.Short(r.OrphanID)))
	return nil
}

// dropOrphan deletes the orphan, which frees its slot for a successor.
func (d *Rotator) dropOrphan(ctx context.Context, t *target, client *iam.Client) error {
	if err := d.checkSameAttempt(ctx, t); err != nil {
		return err
	}
	r := t.facts.Rotation
	switch k, err := d.relistOwnKey(ctx, t, client, r.OrphanID, iam.Inactive); {
	case err != nil:
		return err
	case k != nil && (k.Status == iam.Active || !d.inCreateWindow(r, *k)):
		r.StuckReason = fmt.Sprintf("%s is %s and was created %s: it is not, or no longer, the key from the call whose answer was lost at %s", credfile.Short(k.ID), k.Status,
			k.Created.UTC().Format(time.RFC3339), r.CreateSent.Format(time.RFC3339))
		r.OrphanID, r.OrphanDeactivated, r.Suspects = "", time.Time{}, []string{k.ID}
		r.Reconciled = time.Time{} // a person has decided about it: it is not judged again
		return d.JournalDir().Save(r)
	case k != nil:
		if err := d.deleteAndConfirm(ctx, t, client, r.OrphanID); err != nil {
			return err
		}
	}
	d.did(t, decide.DoDropOrphan, VerbDeleted, r.OrphanID, "came from a CreateAccessKey whose answer was lost", credfile.Short(r.OrphanID)+", which came from the call whose answer was lost")
	d.noteNotRetired(t)
	return d.closeRotation(t)
}
