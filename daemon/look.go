package daemon

import (
	"context"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// lookAtKeys asks AWS whose key it is and which keys that user has. It signs
// with the pair that the files show, which after a swap is never the old one.
// The owner is remembered. AWS is asked for the owner again when a person asks,
// and when an answer does not fit, since the user may have been renamed.
func (d *Rotator) lookAtKeys(ctx context.Context, t *target) error {
	client, err := d.newClient(t, t.signingPair())
	if err != nil {
		return err
	}
	defer client.Close()
	if seen := t.facts.Seen; seen == nil || seen.ARN == "" || t.facts.Options.Manual && t.facts.Rotation == nil {
		if err := d.identifyOnce(ctx, client, t); err != nil {
			return err
		}
	}
	seenNow, err := d.lookAsUser(ctx, client, t)
	if (mayBeRenamed(err) || err == nil && seenNow.User != "" && seenNow.FindKey(t.signingPair().ID) == nil) && d.checkRenamed(ctx, t) {
		seenNow, err = d.lookAsUser(ctx, client, t)
	}
	if err != nil {
		return err
	}
	t.facts.Seen = seenNow
	t.facts.LastRotation = t.lastCreated[t.facts.OwnerID()]
	return d.redateRotation(t)
}

// redateRotation corrects the times of a rotation that began while the clock
// was ahead, once AWS confirms that the clock is right.
func (d *Rotator) redateRotation(t *target) error {
	r, now := t.facts.Rotation, d.Now().UTC()
	if r == nil || d.readOnly || !r.HasFutureWaits(now) || t.facts.Seen.Offset.Abs() > MaxClockOffset {
		return nil
	}
	r.ResetFutureWaits(now)
	return d.journalDir().Save(r)
}

// lookAsUser lists the keys of the user whose name is remembered.
func (d *Rotator) lookAsUser(ctx context.Context, client *iam.Client, t *target) (*Seen, error) {
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
func (d *Rotator) fillKeys(ctx context.Context, client *iam.Client, t *target, seen *Seen) error {
	listing, err := d.listSettled(ctx, client, t, seen.User)
	if err != nil {
		return err
	}
	seen.Offset = listing.Offset
	for _, k := range listing.Keys {
		seen.Keys = append(seen.Keys, ListedKey{ID: k.ID, Active: k.Status == iam.Active, Status: string(k.Status), Created: k.Created})
	}
	other := seen.FindOther(t.facts.ID)
	if r := t.facts.Rotation; other == nil || r != nil && !r.IsStuck() {
		return nil
	}
	use, err := client.LastUsed(ctx, other.ID)
	switch {
	case err == nil:
		other.LastUse = &remote.Use{At: use.At, Service: use.Service, Region: use.Region}
	case iam.ClassOf(err) != iam.Denied: // GetAccessKeyLastUsed is an optional permission
		return err
	}
	return nil
}
