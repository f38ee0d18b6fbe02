package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/daemon/iam"
)

// controlTries is how often a region must refuse the old key, a second apart,
// before it is believed to be off: a machine of AWS's that has lost its way says
// the same, and the new key would go unproven there.
const controlTries = 5

// control asks STS in these regions with the old key. A region that refuses it
// is not asked about the new one. Any other failure ends it: nobody could prove
// a new key there.
func (d *Daemon) control(ctx context.Context, u *unit, do Do, regions []string) (open, closed []string, who iam.Identity, err error) {
	client, err := d.client(u, u.key)
	if err != nil {
		return nil, nil, who, err
	}
	defer client.Close()
	for _, region := range regions {
		d.tick()
		found, err := retried(ctx, controlTries, func() (iam.Identity, error) {
			defer client.Close() // the next try may then meet another machine
			return client.CallerIdentity(ctx, region)
		})
		switch {
		case err == nil:
			open, who = append(open, region), found
		case iam.ClassOf(err) == iam.BadKey:
			closed = append(closed, region)
		case do == Prove && len(open)+len(closed) == 0: // perhaps nothing answers: nobody has looked before
			return nil, nil, who, err
		default:
			return nil, nil, who, u.unanswered(do, err)
		}
	}
	return open, closed, who, nil
}

// complete asks about the regions of which the journal says nothing: that of an
// older keyd, or a region that a profile has named since.
func (d *Daemon) complete(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	unknown := slices.DeleteFunc(slices.Clone(u.site.Regions), func(region string) bool {
		return slices.Contains(r.Regions, region) || slices.Contains(r.Closed, region)
	})
	if len(unknown) == 0 || u.key.IsZero() || u.facts.Shows.New > 0 {
		return nil
	}
	open, closed, _, err := d.control(ctx, u, Prove, unknown)
	if err != nil {
		return err
	}
	if len(r.Regions)+len(open) == 0 { // the old key is off: only the new one can tell
		return nil
	}
	r.Regions, r.Closed = append(r.Regions, open...), append(r.Closed, closed...)
	return d.journal().Save(r)
}

func notAccepted(u *unit) error {
	return &needPersonError{text: fmt.Sprintf("AWS no longer accepts %s anywhere: was it deactivated? The files are as they were", u.key), run: "aws iam list-access-keys"}
}

// openRegions are the regions of STS that know the keys of the user: all but
// those that refuse the old one, too.
func (u *unit) openRegions() []string {
	r := u.facts.Rotation
	if r == nil {
		return u.site.Regions
	}
	open := slices.DeleteFunc(slices.Clone(u.site.Regions), func(region string) bool { return slices.Contains(r.Closed, region) })
	if len(open) == 0 {
		return u.site.Regions
	}
	return open
}

// unanswered is the failure of one endpoint, where others answer, to say anything
// of a key. It is a person's when waiting has not helped for hours.
func (u *unit) unanswered(do Do, err error) error {
	e, ok := errors.AsType[*iam.Error](err)
	t := u.facts.Trouble
	switch {
	case !ok, errors.Is(err, context.Canceled):
		return err
	case e.Class == iam.Invalid:
		return &needPersonError{text: err.Error(), run: "is STS activated in that region (IAM console, account settings)? else name another region in the profile"}
	case (e.Class == iam.Unsent || e.Class == iam.Ambiguous) && t != nil && t.Do == do && t.Count+1 >= longWait:
		return &needPersonError{text: err.Error() + "; other endpoints of AWS answer",
			run: fmt.Sprintf("does a firewall or a proxy keep %s from this machine? the key must be proven there", e.Endpoint)}
	}
	return err
}
