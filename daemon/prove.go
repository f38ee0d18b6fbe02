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
	proofStreak    = 5                // required successes in a row at each endpoint
	proveSoftLimit = 2 * time.Minute  // after this long the progress text says that the proof is slow
	proveHardLimit = 15 * time.Minute // after this long the new key is given up
	// settleMin and settleMax bound how long a streak must last after a
	// refusal, which is otherwise as long as the key took to be accepted. One
	// server of an endpoint may lag far behind the others, and only frequent
	// asking finds it.
	settleMin = 5 * time.Second
	settleMax = 15 * time.Second
	// outvoteStreak is how often in a row, a second apart, one endpoint must
	// accept a previously proven pair that another endpoint refuses. A key that
	// was just made Inactive is refused everywhere by then.
	outvoteStreak = 30
	// muteLimit is how long a proof continues while an endpoint gives no verdict on
	// the key.
	muteLimit = 10 * time.Second
)

// proofEndpoint is one endpoint that must accept the new key.
type proofEndpoint struct {
	name   string
	ask    func(context.Context, *iam.Client) error
	streak int // successes in a row since the last failure

	refused bool // the last answer was that the key is unknown or not listed
}

// proveKey signs with the new key until AWS accepts it reliably at every
// endpoint that accepts the old one. IAM spreads a key over its endpoints one
// by one, and each endpoint consists of many servers, so a refusal can follow a
// success. Every endpoint must therefore accept the key five times in a row.
// After a refusal, it must also do so for as long as the key took to be
// accepted, but at least 5 and at most 15 seconds. This finds a server that
// lags behind almost certainly, not certainly.
func (d *Rotator) proveKey(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	need := cmp.Or(d.proofStreak, proofStreak)
	if !r.Validated.IsZero() { // proven before; a file may show an inactive id, which is urgent
		need = 1
	} else if err := d.probeNewRegions(ctx, t); err != nil {
		return err
	}
	if d.flaw == swapUnproven {
		t.facts.Proven = true
		return nil
	}
	client, err := d.newClient(t, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	p := proof{d: d, target: t, required: need, mending: !r.Validated.IsZero(), endpoints: d.proofEndpoints(t), began: d.Now()}
	if err := p.runRounds(ctx, client); err != nil {
		return err
	}
	t.facts.Proven = r.GiveUpReason == ""
	return nil
}

// proofEndpoints returns STS in every region of the profiles and in the
// partition's default region, without the regions that are off, and IAM.
func (d *Rotator) proofEndpoints(t *target) []proofEndpoint {
	r := t.facts.Rotation
	var all []proofEndpoint
	for _, region := range t.usableRegions() {
		all = append(all, proofEndpoint{name: "sts " + region, ask: func(ctx context.Context, c *iam.Client) error {
			who, err := c.CallerIdentity(ctx, region)
			if err == nil && !r.BelongsTo(who) {
				err = &wrongIdentityError{got: who.ARN, want: r.ARN}
			}
			return err
		}})
	}
	return append(all, proofEndpoint{name: "iam", ask: func(ctx context.Context, c *iam.Client) error {
		listing, err := c.ListKeys(ctx, r.User)
		if err == nil && findKey(listing.Keys, r.New.ID) == nil {
			err = errNotListed
		}
		return err
	}})
}

// errNotListed reports that ListAccessKeys lags behind. The deactivation of the
// old key later relies on that list.
var errNotListed = errors.New("daemon: IAM accepts the new key but does not list it yet")

// wrongIdentityError reports a new key that belongs to another user. got and
// want are ARNs.
type wrongIdentityError struct{ got, want string }

func (e *wrongIdentityError) Error() string {
	return fmt.Sprintf("daemon: the new key belongs to %s, not %s", e.got, e.want)
}
