package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// regionTries is how often a region must refuse the old key, a second apart,
// before keyd believes that the region is off. A lagging AWS server gives the
// same answer, and would leave the new key unproven in that region.
const controlTries = 5

// probeRegions asks STS in the given regions with the old key. Regions that
// accept it are returned as open. Regions that refuse it are returned as
// closed, and are not asked about the new key later. Any other failure ends the
// probe, because a new key could not be proven there.
func (d *Daemon) control(ctx context.Context, t *unit, do Do, regions []string) (open, closed []string, who remote.Identity, err error) {
	client, err := d.client(t, t.key)
	if err != nil {
		return nil, nil, who, err
	}
	defer client.Close()
	for _, region := range regions {
		d.tick()
		found, err := retried(ctx, controlTries, func() (remote.Identity, error) {
			defer client.Close() // the next try may then reach another server
			return client.CallerIdentity(ctx, region)
		})
		switch {
		case err == nil:
			open, who = append(open, region), found
		case iam.ClassOf(err) == iam.BadKey:
			closed = append(closed, region)
		case do == Prove && len(open)+len(closed) == 0: // the network itself may be down: this is the first call
			return nil, nil, who, err
		default:
			return nil, nil, who, t.unanswered(do, err)
		}
	}
	return open, closed, who, nil
}

// probeNewRegions probes the regions that the journal does not mention: all of
// them when an older keyd wrote it, or a region that a profile has named since.
func (d *Daemon) complete(ctx context.Context, t *unit) error {
	r := t.facts.Rotation
	unknown := slices.DeleteFunc(slices.Clone(t.site.Regions), func(region string) bool {
		return slices.Contains(r.Regions, region) || slices.Contains(r.Closed, region)
	})
	if len(unknown) == 0 || t.key.IsZero() || t.facts.Shows.New > 0 {
		return nil
	}
	open, closed, _, err := d.control(ctx, t, Prove, unknown)
	if err != nil {
		return err
	}
	if len(r.Regions)+len(open) == 0 { // the old key works nowhere: only the new key can tell
		return nil
	}
	r.Regions, r.Closed = append(r.Regions, open...), append(r.Closed, closed...)
	return d.journal().Save(r)
}

// refusedEverywhere returns the error for an old key that no region accepts.
func notAccepted(t *unit) error {
	return &needPersonError{text: fmt.Sprintf("AWS no longer accepts %s anywhere (was it deactivated?): the files are unchanged", t.key), run: "aws iam list-access-keys"}
}

// usableRegions returns the STS regions that can say something about the user's
// keys: all regions but those that refuse the old key as well.
func (t *unit) openRegions() []string {
	r := t.facts.Rotation
	if r == nil {
		return t.site.Regions
	}
	open := slices.DeleteFunc(slices.Clone(t.site.Regions), func(region string) bool { return slices.Contains(r.Closed, region) })
	if len(open) == 0 {
		return t.site.Regions
	}
	return open
}

// endpointFailure returns the failure of one endpoint that gave no verdict on a
// key while other endpoints answer. It needs a person when waiting has not
// helped for hours.
func (t *unit) unanswered(do Do, err error) error {
	e, ok := errors.AsType[*iam.Error](err)
	failure := t.facts.Trouble
	switch {
	case !ok, errors.Is(err, context.Canceled):
		return err
	case e.Class == iam.Invalid:
		return &needPersonError{text: err.Error(), run: "is STS activated in that region (IAM console, account settings)? if not, set another region in the profile"}
	case (e.Class == iam.Unsent || e.Class == iam.Ambiguous) && failure != nil && failure.Do == do && failure.Count+1 >= longWait:
		return &needPersonError{text: err.Error() + "; other AWS endpoints answer",
			run: fmt.Sprintf("does a firewall or proxy block %s? the new key must be proven there", e.Endpoint)}
	}
	return err
}
