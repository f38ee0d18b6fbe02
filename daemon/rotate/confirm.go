package rotate

import (
	"context"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// confirmLimit is how long to wait until ListAccessKeys shows a change. The
// list lags by seconds.
const confirmLimit = 30 * time.Second

// errListNotWhole reports a list without the old key, although that key has signed the
// question. Such a list is not the user's, so it does not say that any other key is gone.
var errListNotWhole = &gaveUpError{text: "the list of keys does not show the key that has asked for it: it says nothing about other keys"}

// deleteAndConfirm deletes a key and waits until the list no longer shows it. A
// key that does not exist was deleted before.
func (d *Rotator) deleteAndConfirm(ctx context.Context, t *target, client *iam.Client, id string) error {
	if w := &t.progress.wait; !w.sent {
		if err := d.deleteKey(ctx, t, client, t.facts.Rotation.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
			return err
		}
		w.sent, w.confirmSince = true, time.Time{}
	}
	signer := ""
	if r := t.facts.Rotation; r.IsRetirement() { // the list is the only proof that is left
		signer = r.NewestID()
		if id == signer {
			signer = r.Old.ID
		}
	}
	return d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool {
		return findKey(keys, id) == nil && (signer == "" || findKey(keys, signer) != nil)
	})
}

// relistOwnKey lists once more before a key is deleted that the journal calls
// keyd's own: the journal may be damaged, and a person may have found a use for
// the key. Lists lag, so IAM is asked for a while until it shows the key with
// the expected status. The key is returned as last listed, or nil if it was not
// listed. Once the deletion was sent, it is not listed again.
func (d *Rotator) relistOwnKey(ctx context.Context, t *target, client *iam.Client, id string, status iam.Status) (k *iam.KeyInfo, err error) {
	if w := &t.progress.wait; w.sent {
		return w.listed, nil
	}
	asksOld := t.discardingPair().ID == t.facts.Rotation.Old.ID
	whole := true
	err = d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool {
		k = findKey(keys, id)
		whole = !asksOld || findKey(keys, t.facts.Rotation.Old.ID) != nil
		return k != nil && k.Status == status
	})
	if isType[*gaveUpError](err) {
		err = nil
	}
	if err == nil && k == nil && !whole {
		err = errListNotWhole
	}
	t.progress.wait.listed = k
	return k, err
}

// mayListLack reports whether the new key is so young that a list may lack it although it
// exists. To believe such a list would leave a key Active whose secret is nowhere.
func (d *Rotator) mayListLack(r *journal.Rotation) bool {
	return d.Now().Sub(r.Created).Abs() < decide.UndisturbedFor
}

// confirmList lists once, and returns nil if ok accepts the list. The list lags, so
// after a "no" the action lists again, for up to confirmLimit.
func (d *Rotator) confirmList(ctx context.Context, t *target, client *iam.Client, ok func([]iam.KeyInfo) bool) error {
	w := &t.progress.wait
	if w.confirmSince.IsZero() {
		w.confirmSince = d.Now()
	}
	listing, err := client.ListKeys(ctx, t.userName())
	switch {
	case err == nil && ok(listing.Keys):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case d.Now().Sub(w.confirmSince) < confirmLimit:
		return d.continueIn(t, time.Second)
	case err != nil:
		return err
	}
	return &gaveUpError{text: "IAM did not show the change within " + decide.FormatAge(confirmLimit) + "; the next pass checks again"}
}

// listSettled lists the user's keys. While the list shows a key Active that
// keyd made Inactive a moment ago, the action lists again for a while: each list
// may come from another server, and a lagging one must not be mistaken for a
// person who wants the key back.
func (d *Rotator) listSettled(ctx context.Context, client *iam.Client, t *target, user string) (iam.Listing, error) {
	listing, err := client.ListKeys(ctx, user)
	r := t.facts.Rotation
	if err != nil || r == nil || d.Now().Sub(r.Deactivated) >= decide.UndisturbedFor || d.Now().Sub(t.progress.wait.since) >= confirmLimit {
		return listing, err
	}
	if old := findKey(listing.Keys, r.Old.ID); old != nil && old.Status == iam.Active {
		return listing, d.continueIn(t, time.Second)
	}
	return listing, nil
}

// retryRefused lets an action continue a second after AWS has refused the key, since
// a new key spreads slowly. It returns err when that was refusal number limit in a
// row, and when err says nothing about the key.
func (d *Rotator) retryRefused(t *target, limit int, err error) error {
	if iam.ClassOf(err) != iam.BadKey {
		return err
	}
	if t.progress.wait.tries++; t.progress.wait.tries >= limit {
		return err
	}
	return d.continueIn(t, time.Second)
}

// pauseFor waits for t, or until ctx ends, and then returns the cause.
func pauseFor(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// findKey returns the key with this id, or nil.
func findKey(keys []iam.KeyInfo, id string) *iam.KeyInfo {
	i := slices.IndexFunc(keys, func(k iam.KeyInfo) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &keys[i]
}
