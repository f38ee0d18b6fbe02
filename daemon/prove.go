package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"keyd/daemon/iam"
)

const (
	streak    = 5                // successes in a row, at each endpoint
	proveSoft = 2 * time.Minute  // from here on it is worth a word
	proveHard = 15 * time.Minute // from here on the new key is given up
	// How long a streak must last after a refusal: as long as the key took to be
	// accepted, within these bounds. Of an endpoint's machines one may be later
	// than the others by much, and only asking often finds it.
	settleLeast = 5 * time.Second
	settleMost  = 15 * time.Second
	// outvotes is how often in a row one endpoint must accept a pair that was
	// proven before, a second apart, when another one refuses it: a key that was
	// just made Inactive is refused everywhere by then.
	outvotes  = 30
	proveMute = 10 * time.Second // how long answers are waited for that say nothing of the key
)

// endpoint is one place where the new key must be accepted.
type endpoint struct {
	name string
	ask  func(context.Context, *iam.Client) error
	row  int // successes since the last failure

	refused bool // the last answer was that the key is not known, or not listed
}

// prove signs with the new key until AWS accepts it steadily wherever it
// accepts the old one. IAM spreads a key over its endpoints one by one, and
// each endpoint is many machines: a success can be followed by a refusal. So
// every endpoint must accept it five times in a row, and, after a refusal, for
// as long again as the key took to be accepted, 5 to 15 seconds. This finds a
// machine that lags behind the others almost surely, not surely.
func (d *Daemon) prove(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	need := cmp.Or(d.rounds, streak)
	if !r.Validated.IsZero() { // proven once; a file that shows an inactive id must not wait
		need = 1
	} else if err := d.complete(ctx, u); err != nil {
		return err
	}
	if d.flaw == swapUnproven {
		u.facts.Proven = true
		return nil
	}
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	p := proof{d: d, u: u, need: need, mend: !r.Validated.IsZero(), endpoints: d.endpoints(u), began: d.Now()}
	if err := p.run(ctx, client); err != nil {
		return err
	}
	u.facts.Proven = r.Failed == ""
	return nil
}

// endpoints are sts in every region of the profiles and in the partition's
// default region, but for those that are off, and IAM itself.
func (d *Daemon) endpoints(u *unit) []endpoint {
	r := u.facts.Rotation
	var all []endpoint
	for _, region := range u.openRegions() {
		all = append(all, endpoint{name: "sts " + region, ask: func(ctx context.Context, c *iam.Client) error {
			who, err := c.CallerIdentity(ctx, region)
			if err == nil && !r.isOf(who) {
				err = &otherIdentityError{got: who.ARN, want: r.ARN}
			}
			return err
		}})
	}
	return append(all, endpoint{name: "iam", ask: func(ctx context.Context, c *iam.Client) error {
		listing, err := c.ListKeys(ctx, r.User)
		if err == nil && contains(listing.Keys, r.New.ID) == nil {
			err = errNotListed
		}
		return err
	}})
}

// errNotListed is a list that lags behind: deactivating the old key later rests
// on it.
var errNotListed = errors.New("daemon: IAM accepts the new key but does not list it yet")

type otherIdentityError struct{ got, want string }

func (e *otherIdentityError) Error() string {
	return fmt.Sprintf("daemon: the new key is %s, not %s", e.got, e.want)
}
