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
func (d *Daemon) look(ctx context.Context, t *unit) error {
	client, err := d.client(t, t.signer())
	if err != nil {
		return err
	}
	defer client.Close()
	if seen := t.facts.Seen; seen == nil || seen.ARN == "" || t.facts.Ask.Person && t.facts.Rotation == nil {
		if err := d.identify(ctx, client, t); err != nil {
			return err
		}
	}
	seenNow, err := d.lookAs(ctx, client, t)
	if (isNobody(err) || err == nil && seenNow.User != "" && seenNow.Key(t.signer().ID) == nil) && d.renamed(ctx, t) {
		seenNow, err = d.lookAs(ctx, client, t)
	}
	if err != nil {
		return err
	}
	t.facts.Seen = seenNow
	t.facts.LastRotation = t.made[t.facts.owner()]
	return d.redate(t)
}

// redateRotation corrects the times of a rotation that began while the clock
// was ahead, once AWS confirms that the clock is right.
func (d *Daemon) redate(t *unit) error {
	r, now := t.facts.Rotation, d.Now().UTC()
	if r == nil || d.readOnly || !r.ahead(now) || t.facts.Seen.Offset.Abs() > maxClockOff {
		return nil
	}
	r.redate(now)
	return d.journal().Save(r)
}

// lookAsUser lists the keys of the user whose name is remembered.
func (d *Daemon) lookAs(ctx context.Context, client *iam.Client, t *unit) (*Seen, error) {
	seenNow := *t.facts.Seen
	seenNow.Keys = nil
	if seenNow.User != "" && !seenNow.Root {
		if err := d.list(ctx, client, t, &seenNow); err != nil {
			return nil, err
		}
	}
	seenNow.At = d.Now().UTC()
	return &seenNow, nil
}

// fillKeys lists the user's keys into seen, with the last use of a second key
// that stands in the way of a rotation.
func (d *Daemon) list(ctx context.Context, client *iam.Client, t *unit, seen *Seen) error {
	listing, err := d.listing(ctx, client, t, seen.User)
	if err != nil {
		return err
	}
	seen.Offset = listing.Offset
	for _, k := range listing.Keys {
		seen.Keys = append(seen.Keys, SeenKey{ID: k.ID, Active: k.Status == iam.Active, Status: string(k.Status), Created: k.Created})
	}
	other := seen.Other(t.facts.ID)
	if r := t.facts.Rotation; other == nil || r != nil && !r.stuck() {
		return nil
	}
	use, err := client.LastUsed(ctx, other.ID)
	switch {
	case err == nil:
		other.Used = &remote.Use{At: use.At, Service: use.Service, Region: use.Region}
	case iam.ClassOf(err) != iam.Denied: // GetAccessKeyLastUsed is an optional permission
		return err
	}
	return nil
}
