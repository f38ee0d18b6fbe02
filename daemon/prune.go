package daemon

import (
	"context"
	"fmt"

	"keyd/daemon/iam"
)

// Prune deletes p when it is Inactive. An Active key that a person has named is
// only made Inactive, which can be undone; deleting it takes a second call.
func (d *Daemon) Prune(ctx context.Context, p Prunable) error {
	w, u, unlock, err := d.pruneUnit(ctx, p.Profile, p.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.lookToPrune(ctx, u, p.Profile); err != nil {
		return err
	}
	if key := u.facts.Seen.Key(p.ID); key == nil || key.Active != p.Active || w.unused(p.ID) != nil {
		return fmt.Errorf("%s has changed meanwhile: nothing was done", short(p.ID))
	}
	if p.Active {
		return d.turnOff(ctx, u, p)
	}
	if r := u.facts.Rotation; r != nil { // before: a crash in between costs another look, and no more
		r.askAgain()
		if err := d.journal().Save(r); err != nil {
			return err
		}
	}
	if err := d.prune(ctx, u, p.ID); err != nil {
		return err
	}
	return d.forget(u)
}

// turnOff makes a key Inactive that a person has named.
func (d *Daemon) turnOff(ctx context.Context, u *unit, p Prunable) error {
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(ctx, p.User, p.ID, iam.Inactive); err != nil {
		return err
	}
	d.record(u, "deactivated", p.ID, "pruned by a person")
	d.awaits(ctx, u, client, func(keys []iam.KeyInfo) bool {
		key := contains(keys, p.ID)
		return key == nil || key.Status != iam.Active
	})
	return d.forget(u)
}

// awaits lets a person's next command see what this one has done. What IAM does
// not show in time is done all the same.
func (d *Daemon) awaits(ctx context.Context, u *unit, client *iam.Client, shown func([]iam.KeyInfo) bool) {
	if err := d.confirm(ctx, u, client, shown); err != nil {
		d.Log.Info("not listed yet", "key", short(u.facts.ID), "why", err.Error())
	}
}

// forget lets the next pass look again: what is remembered of the user's keys
// would tell the person for a day that the second one is in the way. A rotation
// that waits for the key to be deleted goes on waiting.
func (d *Daemon) forget(u *unit) error {
	u.facts.Seen = staleSeen(u.facts.Seen)
	decision := wait(Due, d.Now(), "a second key was pruned: the next pass looks again")
	if r := u.facts.Rotation; r != nil && r.stuck() {
		decision = Next(u.facts, d.Settings, d.Now())
	}
	return d.saveLine(u, d.result(u, decision, nil))
}

// prune deletes a second, Inactive key.
func (d *Daemon) prune(ctx context.Context, u *unit, id string) error {
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.DeleteKey(ctx, u.facts.Seen.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	u.facts.Seen = staleSeen(u.facts.Seen)
	d.awaits(ctx, u, client, func(keys []iam.KeyInfo) bool { return contains(keys, id) == nil })
	d.record(u, "deleted", id, "pruned")
	d.tell(u, Prune, "deleted", short(id)+", which was inactive")
	return nil
}
