package rotate

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
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

// relistOwnKey lists once more before a key is deleted that the journal calls
// keyd's own: the journal may be damaged, and a person may have found a use for
// the key. Lists lag, so IAM is asked for a while until it shows the key with
// the expected status. The key is returned as last listed, or nil if it was not
// listed.
func (d *Rotator) relistOwnKey(ctx context.Context, t *target, client *iam.Client, id string, status iam.Status) (k *iam.KeyInfo, err error) {
	err = d.confirmList(ctx, t, client, func(keys []iam.KeyInfo) bool {
		k = findKey(keys, id)
		return k != nil && k.Status == status
	})
	if isType[*gaveUpError](err) {
		err = nil
	}
	return k, err
}

// confirmList lists until ok returns true. The list lags, so a "no" is checked
// again for up to confirmLimit.
func (d *Rotator) confirmList(ctx context.Context, t *target, client *iam.Client, ok func([]iam.KeyInfo) bool) error {
	var shown bool
	var err error
	cause := d.poll(ctx, time.Second, confirmLimit, func() bool {
		var listing iam.Listing
		listing, err = client.ListKeys(ctx, t.userName())
		shown = err == nil && ok(listing.Keys)
		return shown
	})
	if shown {
		return nil
	}
	return cmp.Or(cause, err, error(&gaveUpError{text: "IAM did not show the change within " + decide.FormatAge(confirmLimit) + "; the next pass checks again"}))
}

// listSettled lists the user's keys. While the list shows a key Active that
// keyd made Inactive a moment ago, it lists again for a while: each list may
// come from another server, and a lagging one must not be mistaken for a person
// who wants the key back.
func (d *Rotator) listSettled(ctx context.Context, client *iam.Client, t *target, user string) (listing iam.Listing, err error) {
	r := t.facts.Rotation
	cause := d.poll(ctx, time.Second, confirmLimit, func() bool {
		listing, err = client.ListKeys(ctx, user)
		if err != nil || r == nil || d.Now().Sub(r.Deactivated) >= decide.UndisturbedFor {
			return true
		}
		old := findKey(listing.Keys, r.Old.ID)
		return old == nil || old.Status != iam.Active
	})
	return listing, cmp.Or(cause, err)
}

// retryRefused repeats a call, a second apart, while AWS refuses the key, since
// a new key spreads slowly.
func (d *Rotator) retryRefused(ctx context.Context, tries int, call func() (remote.Identity, error)) (who remote.Identity, err error) {
	cause := d.poll(ctx, time.Second, noLimit, func() bool {
		who, err = call()
		tries--
		return err == nil || iam.ClassOf(err) != iam.BadKey || tries <= 0
	})
	return who, cmp.Or(cause, err)
}

// noLimit lets poll continue for as long as it takes.
const noLimit time.Duration = math.MaxInt64

// poll calls done until it returns true, or until limit has passed, with a
// pause of every between two calls. Its error is the cause of the end of ctx.
func (d *Rotator) poll(ctx context.Context, every, limit time.Duration, done func() bool) error {
	for began := d.Now(); !done() && d.Now().Sub(began) < limit; {
		if err := pauseFor(ctx, every); err != nil {
			return err
		}
	}
	return nil
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
