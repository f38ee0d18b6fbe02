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
func (d *Rotator) describeKey(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	client, err := d.newClient(t, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.DescribeKey(ctx, r.User, r.New.ID, d.keyDescription())
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.Quota && class != iam.Invalid {
		if before := t.facts.Failure; isOffline(err) || before == nil || before.Do != DoDescribe || before.Offline {
			return err
		}
		d.emit(t, DoDescribe, "not described", r.New.String()+" has no tag for the console: "+err.Error())
	}
	r.Described = true
	return d.journalDir().Save(r)
}

// ForgetUse makes keyd ask AWS again when the old key was last used: while a
// rotation is held, the old key may be used.
func (r *Rotation) ForgetUse() { r.UseChecked, r.LastUse = time.Time{}, nil }

// checkUse asks AWS when it last saw the old key in use. Without the
// permission, only the length of the overlap decides.
func (d *Rotator) checkUse(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	client, err := d.newClient(t, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	use, err := client.LastUsed(ctx, r.Old.ID)
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.NoSuch {
		return err
	}
	r.UseChecked, r.LastUse = d.Now().UTC(), &remote.Use{At: use.At.Add(-r.ClockOffset), Service: use.Service, Region: use.Region}
	if err != nil || use.At.IsZero() {
		r.LastUse = nil
	}
	return d.journalDir().Save(r)
}
