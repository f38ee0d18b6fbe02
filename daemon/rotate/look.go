package rotate

import (
	"context"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
)

// lookAtKeys asks AWS whose key it is and which keys that user has. It signs
// with the pair that the files show, which after a swap is never the old one.
// The owner is remembered. AWS is asked for the owner again when a person asks, when
// there was nothing to rotate, and when an answer does not fit, since the user may have
// been renamed.
func (d *Rotator) lookAtKeys(ctx context.Context, t *target, client *iam.Client) error {
	if seen := t.facts.Seen; seen == nil || seen.ARN == "" || seen.Root || seen.User == "" || t.facts.Options.Manual && t.facts.Rotation == nil {
		if err := d.identifyOnce(ctx, client, t); err != nil {
			return err
		}
	}
	seenNow, err := d.lookAsUser(ctx, client, t)
	if (mayBeRenamed(err) || err == nil && seenNow.User != "" && seenNow.FindKey(t.shownPair().ID) == nil) && d.checkRenamed(ctx, t) {
		seenNow, err = d.lookAsUser(ctx, client, t)
	}
	if guarded, failed := d.noteGuard(ctx, t, client, err); guarded {
		return failed
	}
	if err != nil {
		return err
	}
	d.noteUnguarded(t, seenNow)
	t.setSeen(seenNow)
	return d.redateRotation(t)
}

// redateRotation corrects the times of a rotation that began while the clock
// was ahead, once AWS confirms that the clock is right.
func (d *Rotator) redateRotation(t *target) error {
	r, now := t.facts.Rotation, d.Now().UTC()
	if r == nil || d.readOnly || !r.HasFutureWaits(now) || t.facts.Seen.Offset.Abs() > journal.MaxClockOffset {
		return nil
	}
	r.ResetFutureWaits(now)
	return d.JournalDir().Save(r)
}

// lookAsUser lists the keys of the user whose name is remembered.
func (d *Rotator) lookAsUser(ctx context.Context, client *iam.Client, t *target) (*decide.Seen, error) {
	seenNow := *t.facts.Seen
	seenNow.Keys = nil
	if seenNow.User != "" && !seenNow.Root {
		if err := d.fillKeys(ctx, client, t, &seenNow); err != nil {
			return nil, err
		}
	}
	seenNow.At = d.Now().UTC()
	return &seenNow, nil
}

// fillKeys lists the user's keys into seen, with the last use of a second key
// that stands in the way of a rotation.
func (d *Rotator) fillKeys(ctx context.Context, client *iam.Client, t *target, seen *decide.Seen) error {
	listing, err := d.listSettled(ctx, client, t, seen.User)
	if err != nil {
		return err
	}
	seen.Offset, seen.OffsetWithin = listing.Offset, listing.Within
	now := d.Now().UTC()
	for _, k := range t.withoutDeleted(listing.Keys, now) {
		listed := decide.ListedKey{ID: k.ID, Active: k.Status == iam.Active, Status: string(k.Status), Created: d.createdAt(t, k, listing.Offset), Since: now}
		if before := t.facts.Seen.FindKey(k.ID); before != nil {
			listed.Since = before.Since
		}
		seen.Keys = append(seen.Keys, listed)
	}
	other := seen.FindOther(t.facts.ID)
	if r := t.facts.Rotation; other == nil || r != nil && !r.Doubts(other.ID) {
		return nil
	}
	use, err := client.LastUsed(ctx, other.ID, t.userName())
	switch {
	case err == nil:
		other.LastUse = &remote.Use{At: use.At, Service: use.Service, Region: use.Region}
	case iam.ClassOf(err) != iam.Denied && !iam.IsNotOffered(err): // GetAccessKeyLastUsed is an optional permission
		return err
	}
	return nil
}

// createdAt returns when a listed key was made, by AWS's clock. An IAM may list no dates; then
// keyd knows the date of a key that it has made itself, and the zero time stands for others.
func (d *Rotator) createdAt(t *target, k iam.KeyInfo, offset time.Duration) time.Time {
	if !k.Created.IsZero() {
		return k.Created
	}
	made := t.recent.MadeAt[k.ID]
	if r := t.facts.Rotation; r != nil && r.New.ID == k.ID {
		made = r.Created
	}
	if before := t.facts.Seen.FindKey(k.ID); made.IsZero() && before != nil {
		return before.Created
	}
	if made.IsZero() {
		return made
	}
	return made.Add(offset)
}

// staleListLimit is how long a list may still show a key that keyd has deleted.
const staleListLimit = time.Hour

// withoutDeleted returns keys without those that keyd deleted a moment ago, and that a
// list which lags shows again.
func (t *target) withoutDeleted(keys []iam.KeyInfo, now time.Time) []iam.KeyInfo {
	return slices.DeleteFunc(slices.Clone(keys), func(k iam.KeyInfo) bool {
		at, deleted := t.recent.Deleted[k.ID]
		return deleted && now.Sub(at).Abs() < staleListLimit
	})
}

// identifyOnce asks AWS whose key it is, at most once in a pass.
func (d *Rotator) identifyOnce(ctx context.Context, client *iam.Client, t *target) error {
	if t.progress.identified {
		return nil
	}
	who, err := d.askOwner(ctx, t, client)
	if err != nil {
		return err
	}
	return d.adoptIdentity(t, who)
}

// adoptIdentity records whose key it is, as askRegion returns it. If the user has another
// name than before, what was known of the user's keys is dropped.
func (d *Rotator) adoptIdentity(t *target, who remote.Identity) error {
	t.progress.identified = true
	seen := &decide.Seen{Account: who.Account, ARN: who.ARN, Root: who.Root}
	if who.IsUser {
		seen.User, seen.UserID = who.User, who.UserID
	}
	if old := t.facts.Seen; old != nil && old.Account == seen.Account && old.User == seen.User {
		seen.At, seen.Offset, seen.OffsetWithin, seen.Keys = old.At, old.Offset, old.OffsetWithin, old.Keys
		seen.Guarded, seen.Devices, seen.Estimate = old.Guarded, old.Devices, old.Estimate
	}
	t.setSeen(seen)
	r := t.facts.Rotation
	if r == nil || d.readOnly || !who.IsUser || who.User == r.User || who.Account != r.Account || r.UserID != "" && r.UserID != who.UserID {
		return nil
	}
	r.User, r.ARN, r.UserID = who.User, who.ARN, who.UserID // otherwise calls go to a user who no longer exists, or to someone else
	return d.JournalDir().Save(r)
}

// mayBeRenamed reports whether err is what AWS answers about a user who has
// been renamed: no such user, or access denied, since a policy that contains
// the user's own name no longer covers the old one.
func mayBeRenamed(err error) bool {
	class := iam.ClassOf(err)
	return err != nil && (class == iam.NoSuch || class == iam.Denied)
}

// checkRenamed asks again whose key it is, unless this pass has already asked,
// and reports whether the user now has another name.
func (d *Rotator) checkRenamed(ctx context.Context, t *target) bool {
	before := t.userName()
	err := d.withClient(t, t.shownPair(), func(client *iam.Client) error { return d.identifyOnce(ctx, client, t) })
	return err == nil && t.userName() != before
}
