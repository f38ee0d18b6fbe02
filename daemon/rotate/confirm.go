package rotate

import (
	"context"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// confirmLimit is how long to wait until ListAccessKeys shows a change. The
// list lags by seconds.
const confirmLimit = 30 * time.Second

// deleteAndConfirm deletes a key and waits until the list no longer shows it. A
// key that does not exist was deleted before.
func (d *Rotator) deleteAndConfirm(ctx context.Context, t *target, client *iam.Client, id string) error {
	if err := client.DeleteKey(ctx, t.facts.Rotation.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	return d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool { return findKey(keys, id) == nil })
}

// confirmList lists until ok returns true. The list lags, so a "no" is checked
// again for up to confirmLimit.
func (d *Rotator) confirmList(ctx context.Context, t *target, client *iam.Client, ok func([]iam.KeyInfo) bool) error {
	began := d.Now()
	for {
		listing, err := client.ListKeys(ctx, t.userName())
		if err == nil && ok(listing.Keys) {
			return nil
		}
		if d.Now().Sub(began) >= confirmLimit {
			if err != nil {
				return err
			}
			return &gaveUpError{text: "IAM did not show the change within " + decide.FormatAge(confirmLimit) + "; the next pass checks again"}
		}
		if err := pauseFor(ctx, time.Second); err != nil {
			return err
		}
	}
}

// listSettled lists the user's keys. While the list shows a key Active that
// keyd made Inactive a moment ago, it lists again for a while: each list may
// come from another server, and a lagging one must not be mistaken for a person
// who wants the key back.
func (d *Rotator) listSettled(ctx context.Context, client *iam.Client, t *target, user string) (iam.Listing, error) {
	for began := d.Now(); ; {
		listing, err := client.ListKeys(ctx, user)
		r := t.facts.Rotation
		if err != nil || r == nil || d.Now().Sub(r.Deactivated) >= decide.UndisturbedFor || d.Now().Sub(began) >= confirmLimit {
			return listing, err
		}
		if old := findKey(listing.Keys, r.Old.ID); old == nil || old.Status != iam.Active {
			return listing, nil
		}
		if err := pauseFor(ctx, time.Second); err != nil {
			return iam.Listing{}, err
		}
	}
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

// withoutKey returns keys without the one with this id.
func withoutKey(keys []decide.ListedKey, id string) []decide.ListedKey {
	var left []decide.ListedKey
	for _, k := range keys {
		if k.ID != id {
			left = append(left, k)
		}
	}
	return left
}
