package daemon

import (
	"context"

	"keyd/daemon/iam"
)

// lookAtKeys asks AWS whose key it is and which keys that user has. It signs
// with the pair that the files show, which after a swap is never the old one.
// The owner is remembered. AWS is asked for the owner again when a person asks,
// and when an answer does not fit, since the user may have been renamed.
func (d *Daemon) look(ctx context.Context, u *unit) error {
	client, err := d.client(u, u.signer())
	if err != nil {
		return err
	}
	defer client.Close()
	if seen := u.facts.Seen; seen == nil || seen.ARN == "" || u.facts.Ask.Person && u.facts.Rotation == nil {
		if err := d.identify(ctx, client, u); err != nil {
			return err
		}
	}
	fresh, err := d.lookAs(ctx, client, u)
	if (isNobody(err) || err == nil && fresh.User != "" && fresh.Key(u.signer().ID) == nil) && d.renamed(ctx, u) {
		fresh, err = d.lookAs(ctx, client, u)
	}
	if err != nil {
		return err
	}
	u.facts.Seen = fresh
	u.facts.LastRotation = u.made[u.facts.owner()]
	return d.redate(u)
}

// redateRotation corrects the times of a rotation that began while the clock
// was ahead, once AWS confirms that the clock is right.
func (d *Daemon) redate(u *unit) error {
	r, now := u.facts.Rotation, d.Now().UTC()
	if r == nil || d.readOnly || !r.ahead(now) || u.facts.Seen.Offset.Abs() > maxClockOff {
		return nil
	}
	r.redate(now)
	return d.journal().Save(r)
}

// lookAsUser lists the keys of the user whose name is remembered.
func (d *Daemon) lookAs(ctx context.Context, client *iam.Client, u *unit) (*Seen, error) {
	fresh := *u.facts.Seen
	fresh.Keys = nil
	if fresh.User != "" && !fresh.Root {
		if err := d.list(ctx, client, u, &fresh); err != nil {
			return nil, err
		}
	}
	fresh.At = d.Now().UTC()
	return &fresh, nil
}

// fillKeys lists the user's keys into seen, with the last use of a second key
// that stands in the way of a rotation.
func (d *Daemon) list(ctx context.Context, client *iam.Client, u *unit, seen *Seen) error {
	listing, err := d.listing(ctx, client, u, seen.User)
	if err != nil {
		return err
	}
	seen.Offset = listing.Offset
	for _, k := range listing.Keys {
		seen.Keys = append(seen.Keys, SeenKey{ID: k.ID, Active: k.Status == iam.Active, Status: string(k.Status), Created: k.Created})
	}
	other := seen.Other(u.facts.ID)
	if r := u.facts.Rotation; other == nil || r != nil && !r.stuck() {
		return nil
	}
	use, err := client.LastUsed(ctx, other.ID)
	switch {
	case err == nil:
		other.Used = &Use{At: use.At, Service: use.Service, Region: use.Region}
	case iam.ClassOf(err) != iam.Denied: // GetAccessKeyLastUsed is an optional permission
		return err
	}
	return nil
}
