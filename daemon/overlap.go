package daemon

import (
	"context"
	"time"

	"keyd/daemon/iam"
)

// describe sets the console's description column of the new key. Nobody needs
// it: a refusal is remembered for this rotation and no trouble, and so is the
// second failure of another kind. Without a network nothing else could be done
// either, and it waits.
func (d *Daemon) describe(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Describe(ctx, r.User, r.New.ID, d.description())
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.Quota && class != iam.Invalid {
		if before := u.facts.Trouble; offline(err) || before == nil || before.Do != Describe || before.Offline {
			return err
		}
		d.tell(u, Describe, "not described", r.New.String()+" has no tag for the console: "+err.Error())
	}
	r.Described = true
	return d.journal().Save(r)
}

// forgetUse lets AWS be asked anew when the old key was used last: it may be used
// as long as it is held.
func (r *Rotation) forgetUse() { r.UseRead, r.Used = time.Time{}, nil }

// checkUse asks when AWS last saw the old key. Without the permission the time
// of the overlap alone decides.
func (d *Daemon) checkUse(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	use, err := client.LastUsed(ctx, r.Old.ID)
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.NoSuch {
		return err
	}
	r.UseRead, r.Used = d.Now().UTC(), &Use{At: use.At.Add(-r.Offset), Service: use.Service, Region: use.Region}
	if err != nil || use.At.IsZero() {
		r.Used = nil
	}
	return d.journal().Save(r)
}
