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
func (d *Daemon) Prune(ctx context.Context, p Prunable) error {
	w, t, unlock, err := d.pruneUnit(ctx, p.Profile, p.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.lookToPrune(ctx, t, p.Profile); err != nil {
		return err
	}
	if key := t.facts.Seen.Key(p.ID); key == nil || key.Active != p.Active || w.unused(p.ID) != nil {
		return fmt.Errorf("%s has changed in the meantime: nothing was done", credfile.Short(p.ID))
	}
	if p.Active {
		return d.turnOff(ctx, t, p)
	}
	if r := t.facts.Rotation; r != nil { // saved first: a crash in between costs one more look at most
		r.askAgain()
		if err := d.journal().Save(r); err != nil {
			return err
		}
	}
	if err := d.prune(ctx, t, p.ID); err != nil {
		return err
	}
	return d.forget(t)
}

// deactivateSecond makes a second key Inactive that a person has named.
func (d *Daemon) turnOff(ctx context.Context, t *unit, p Prunable) error {
	client, err := d.client(t, t.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(ctx, p.User, p.ID, iam.Inactive); err != nil {
		return err
	}
	d.record(t, "deactivated", p.ID, "pruned by a person")
	d.awaits(ctx, t, client, func(keys []iam.KeyInfo) bool {
		key := contains(keys, p.ID)
		return key == nil || key.Status != iam.Active
	})
	return d.forget(t)
}

// awaitListed waits until the list shows a change, so that a person's next
// command sees it. The change has been made even if IAM does not show it in
// time.
func (d *Daemon) awaits(ctx context.Context, t *unit, client *iam.Client, shown func([]iam.KeyInfo) bool) {
	if err := d.confirm(ctx, t, client, shown); err != nil {
		d.Log.Info("not listed yet", "key", credfile.Short(t.facts.ID), "why", err.Error())
	}
}

// forgetListing makes the next pass look again. Otherwise the remembered list
// would report for a day that the second key is in the way. A rotation that
// waits for the key to be deleted keeps waiting.
func (d *Daemon) forget(t *unit) error {
	t.facts.Seen = staleSeen(t.facts.Seen)
	decision := wait(Due, d.Now(), "a second key was pruned: the next pass looks again")
	if r := t.facts.Rotation; r != nil && r.stuck() {
		decision = Next(t.facts, d.Settings, d.Now())
	}
	return d.saveLine(t, d.result(t, decision, nil))
}

// pruneSecond deletes a second, Inactive key.
func (d *Daemon) prune(ctx context.Context, t *unit, id string) error {
	client, err := d.client(t, t.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.DeleteKey(ctx, t.facts.Seen.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	t.facts.Seen = staleSeen(t.facts.Seen)
	d.awaits(ctx, t, client, func(keys []iam.KeyInfo) bool { return contains(keys, id) == nil })
	d.record(t, "deleted", id, "pruned")
	d.tell(t, Prune, "deleted", credfile.Short(id)+", which was inactive")
	return nil
}
