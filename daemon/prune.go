package daemon

import (
	"context"
	"fmt"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// Prune deletes p if it is Inactive. An Active key is only made Inactive, which
// can be undone; deleting it takes a second call. Prune fails, and does
// nothing, if the key is no longer as p describes it.
func (d *Rotator) Prune(ctx context.Context, p PruneCandidate) error {
	w, t, unlock, err := d.openPruneTarget(ctx, p.Profile, p.KeyID)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.lookBeforePrune(ctx, t, p.Profile); err != nil {
		return err
	}
	if key := t.facts.Seen.FindKey(p.KeyID); key == nil || key.Active != p.Active || w.checkNotShown(p.KeyID) != nil {
		return fmt.Errorf("%s has changed in the meantime: nothing was done", credfile.Short(p.KeyID))
	}
	if p.Active {
		return d.deactivateSecond(ctx, t, p)
	}
	if r := t.facts.Rotation; r != nil { // saved first: a crash in between costs one more look at most
		r.ResetReconcile()
		if err := d.journalDir().Save(r); err != nil {
			return err
		}
	}
	if err := d.pruneSecond(ctx, t, p.KeyID); err != nil {
		return err
	}
	return d.forgetListing(t)
}

// deactivateSecond makes a second key Inactive that a person has named.
func (d *Rotator) deactivateSecond(ctx context.Context, t *target, p PruneCandidate) error {
	client, err := d.newClient(t, t.pair)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(ctx, p.User, p.KeyID, iam.Inactive); err != nil {
		return err
	}
	d.appendHistory(t, "deactivated", p.KeyID, "pruned by a person")
	d.awaitListed(ctx, t, client, func(keys []iam.KeyInfo) bool {
		key := findKey(keys, p.KeyID)
		return key == nil || key.Status != iam.Active
	})
	return d.forgetListing(t)
}

// awaitListed waits until the list shows a change, so that a person's next
// command sees it. The change has been made even if IAM does not show it in
// time.
func (d *Rotator) awaitListed(ctx context.Context, t *target, client *iam.Client, shown func([]iam.KeyInfo) bool) {
	if err := d.confirmList(ctx, t, client, shown); err != nil {
		d.Log.Info("not listed yet", "key", credfile.Short(t.facts.ID), "why", err.Error())
	}
}

// forgetListing makes the next pass look again. Otherwise the remembered list
// would report for a day that the second key is in the way. A rotation that
// waits for the key to be deleted keeps waiting.
func (d *Rotator) forgetListing(t *target) error {
	t.facts.Seen = staleSeen(t.facts.Seen)
	decision := WaitUntil(StateDue, d.Now(), "a second key was pruned: the next pass looks again")
	if r := t.facts.Rotation; r != nil && r.IsStuck() {
		decision = Next(t.facts, d.Settings, d.Now())
	}
	return d.saveStatusLine(t, d.makeResult(t, decision, nil))
}

// pruneSecond deletes a second, Inactive key.
func (d *Rotator) pruneSecond(ctx context.Context, t *target, id string) error {
	client, err := d.newClient(t, t.pair)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.DeleteKey(ctx, t.facts.Seen.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	t.facts.Seen = staleSeen(t.facts.Seen)
	d.awaitListed(ctx, t, client, func(keys []iam.KeyInfo) bool { return findKey(keys, id) == nil })
	d.appendHistory(t, "deleted", id, "pruned")
	d.emit(t, DoPrune, "deleted", credfile.Short(id)+", which was inactive")
	return nil
}
