package rotate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

const (
	// equalAnswers and equalDuration say how many equal lists, over how long, are
	// believed.
	equalAnswers  = 3
	equalDuration = 30 * time.Second
	// A key counts as the effect of the lost call when AWS created it at most
	// orphanEarly before the call and orphanWindow after its end. Within
	// orphanExact after the call was sent there is no doubt. AWS stamps whole
	// seconds when it accepts the request.
	orphanEarly  = 2 * time.Second
	orphanWindow = decide.ReconcileAfter
	orphanExact  = 5 * time.Second
)

// reconcileCreate finds out what a CreateAccessKey whose answer was lost has
// done. A single list proves nothing, because lists lag: three equal ones over
// half a minute must agree.
func (d *Rotator) reconcileCreate(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if early := r.CreateDeadline().Add(decide.ReconcileAfter).Sub(d.Now()); early > 0 && t.progress.wait.steps == 1 { // once: the journal may be from the future
		d.emitProgress(t, decide.DoReconcile, VerbReconcile, "the answer to CreateAccessKey was lost; waiting until the call can no longer take effect", d.Now(), early+equalDuration)
		return d.continueIn(t, min(early, decide.ReconcileAfter))
	}
	keys, err := d.listUntilSteady(ctx, t, client)
	if err != nil {
		return err
	}
	newKeys := slices.DeleteFunc(keys, func(k iam.KeyInfo) bool { return slices.Contains(r.IDsBefore, k.ID) })
	return d.judgeNewKeys(context.WithoutCancel(ctx), t, client, newKeys)
}

// steadyListing counts the lists that are equal.
type steadyListing struct {
	ids   string    // the ids of the last list
	since time.Time // when the first list with these ids came
	equal int       // how many lists in a row have these ids
}

// listUntilSteady lists once, and continues later until the answer has not changed
// for half a minute.
func (d *Rotator) listUntilSteady(ctx context.Context, t *target, client *iam.Client) ([]iam.KeyInfo, error) {
	listing, err := client.ListKeys(ctx, t.facts.Rotation.User)
	if err != nil {
		return nil, err
	}
	s := &t.progress.wait.steady
	if ids := joinIDs(listing.Keys); ids != s.ids || s.equal == 0 {
		*s = steadyListing{ids: ids, since: d.Now()}
	}
	if s.equal++; s.equal >= equalAnswers && d.Now().Sub(s.since) >= equalDuration {
		return listing.Keys, nil
	}
	d.emitProgress(t, decide.DoReconcile, VerbReconcile, fmt.Sprintf("the same answer %d times in a row", s.equal), s.since, equalDuration)
	return nil, d.continueIn(t, equalDuration/6)
}

// joinIDs returns the ids of keys in a fixed order, for comparison.
func joinIDs(keys []iam.KeyInfo) string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// judgeNewKeys decides whose the new keys are. A single key from the time of
// the call is taken for keyd's own; if there are no new keys, the call had no
// effect; anything else needs a person.
func (d *Rotator) judgeNewKeys(ctx context.Context, t *target, client *iam.Client, newKeys []iam.KeyInfo) error {
	r := t.facts.Rotation
	switch {
	case len(newKeys) == 0:
		d.appendHistory(t, VerbNoEffect, r.Old.ID, "")
		d.emit(t, decide.DoReconcile, VerbReconciled, "CreateAccessKey had no effect")
		return d.closeRotation(t)
	case len(newKeys) == 1 && d.inCreateWindow(r, newKeys[0]):
		return d.deactivateOrphan(ctx, t, client, newKeys[0])
	}
	var seen []string
	r.Suspects = nil
	for _, k := range newKeys {
		seen = append(seen, fmt.Sprintf("%s created %s", credfile.Short(k.ID), k.Created.UTC().Format(time.RFC3339)))
		r.Suspects = append(r.Suspects, k.ID)
	}
	when := ""
	if !r.CreateSent.IsZero() { // Sent is zero after a person asked keyd to look again
		when = " at " + r.CreateSent.Format(time.RFC3339)
	}
	r.StuckReason = fmt.Sprintf("the answer to CreateAccessKey was lost%s, and keyd cannot tell whether the call made %s", when, strings.Join(seen, "; "))
	return d.JournalDir().Save(r)
}

// inCreateWindow reports whether k was created while the lost request was in
// flight.
func (d *Rotator) inCreateWindow(r *journal.Rotation, k iam.KeyInfo) bool {
	created := k.Created.Add(-r.ClockOffset)
	return !created.Before(r.CreateSent.Add(-orphanEarly)) && !created.After(r.CreateDeadline().Add(orphanWindow))
}

// deactivateOrphan makes the key Inactive that the lost call created. This is
// reversible, in case the key belongs to someone else after all.
func (d *Rotator) deactivateOrphan(ctx context.Context, t *target, client *iam.Client, k iam.KeyInfo) error {
	r := t.facts.Rotation
	use, err := client.LastUsed(ctx, k.ID)
	if err != nil && iam.ClassOf(err) != iam.Denied {
		return err
	}
	if err == nil && !use.At.IsZero() {
		r.StuckReason = fmt.Sprintf("%s appeared when the answer to CreateAccessKey was lost, but it is in use (by %s)", credfile.Short(k.ID), use.Service)
		r.Suspects = []string{k.ID}
		return d.JournalDir().Save(r)
	}
	exact := err == nil && k.Created.Add(-r.ClockOffset).Before(r.CreateSent.Add(orphanExact))
	if err := client.SetStatus(ctx, r.User, k.ID, iam.Inactive); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	r.OrphanID, r.OrphanDeactivated, r.OrphanCertain = k.ID, d.Now().UTC(), exact
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	d.appendHistory(t, VerbDeactivated, k.ID, "came from a CreateAccessKey whose answer was lost")
	d.emit(t, decide.DoReconcile, VerbReconciled, fmt.Sprintf("%s came from the call whose answer was lost, and no one has its secret: made inactive", credfile.Short(k.ID)))
	return nil
}

// dropOrphan deletes the orphan, which frees its slot for a successor.
func (d *Rotator) dropOrphan(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	switch k, err := d.relistOwnKey(ctx, t, client, r.OrphanID, iam.Inactive); {
	case err != nil:
		return err
	case k != nil && (k.Status == iam.Active || !d.inCreateWindow(r, *k)):
		r.StuckReason = fmt.Sprintf("%s is %s and was created %s: it is not, or no longer, the key from the call whose answer was lost at %s", credfile.Short(k.ID), k.Status,
			k.Created.UTC().Format(time.RFC3339), r.CreateSent.Format(time.RFC3339))
		r.OrphanID, r.OrphanDeactivated, r.OrphanCertain, r.Suspects = "", time.Time{}, false, []string{k.ID}
		return d.JournalDir().Save(r)
	case k != nil:
		if err := d.deleteAndConfirm(ctx, t, client, r.OrphanID); err != nil {
			return err
		}
	}
	d.did(t, decide.DoDropOrphan, VerbDeleted, r.OrphanID, "came from a CreateAccessKey whose answer was lost", credfile.Short(r.OrphanID)+", which came from the call whose answer was lost")
	return d.closeRotation(t)
}
