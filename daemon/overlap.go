package daemon

import (
	"context"
	"time"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// describeKey sets the new key's text in the console's description column.
// Nothing depends on it. A refusal is remembered for this rotation and does not
// count as a failure, and neither does the second failure of another kind.
// Without a network the step waits, since nothing else could be done either.
func (d *Daemon) describe(ctx context.Context, t *unit) error {
	r := t.facts.Rotation
	client, err := d.client(t, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Describe(ctx, r.User, r.New.ID, d.description())
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.Quota && class != iam.Invalid {
		if before := t.facts.Trouble; offline(err) || before == nil || before.Do != Describe || before.Offline {
			return err
		}
		d.tell(t, Describe, "not described", r.New.String()+" has no tag for the console: "+err.Error())
	}
	r.Described = true
	return d.journal().Save(r)
}

// ForgetUse makes keyd ask AWS again when the old key was last used: while a
// rotation is held, the old key may be used.
func (r *Rotation) forgetUse() { r.UseRead, r.Used = time.Time{}, nil }

// checkUse asks AWS when it last saw the old key in use. Without the
// permission, only the length of the overlap decides.
func (d *Daemon) checkUse(ctx context.Context, t *unit) error {
	r := t.facts.Rotation
	client, err := d.client(t, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	use, err := client.LastUsed(ctx, r.Old.ID)
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.NoSuch {
		return err
	}
	r.UseRead, r.Used = d.Now().UTC(), &remote.Use{At: use.At.Add(-r.Offset), Service: use.Service, Region: use.Region}
	if err != nil || use.At.IsZero() {
		r.Used = nil
	}
	return d.journal().Save(r)
}
