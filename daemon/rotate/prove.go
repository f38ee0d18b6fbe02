package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/decide"
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

// proveKey signs with the new key until AWS accepts it reliably at every
// endpoint that accepts the old one. IAM spreads a key over its endpoints one
// by one, and each endpoint consists of many servers, so a refusal can follow a
// success. Every endpoint must therefore accept the key five times in a row.
// After a refusal, it must also do so for as long as the key took to be
// accepted, but at least 5 and at most 15 seconds. This finds a server that
// lags behind almost certainly, not certainly.
func (d *Rotator) proveKey(ctx context.Context, t *target, client *iam.Client) error {
	r, w := t.facts.Rotation, &t.progress.wait
	if w.proof == nil {
		if err := d.JournalDir().Sync(); err != nil { // before the new key signs anything: a used key is taken for someone's
			return err
		}
		need := cmp.Or(d.ProofRounds, proofStreak)
		if !r.Validated.IsZero() { // proven before; a file may show an inactive id, which is urgent
			need = 1
		} else if err := d.probeNewRegions(ctx, t); err != nil {
			return err
		}
		w.proof = &proof{required: need, mending: !r.Validated.IsZero(), began: d.Now()}
	}
	p := w.proof
	p.d, p.target = d, t
	p.adoptEndpoints(t.usableRegions())
	if err := p.runRound(ctx, client); err != nil {
		return err
	}
	t.setProven(r.GiveUpReason == "", d.Now())
	return nil
}

// proofEndpoint is one endpoint that must accept the new key: STS in a region, or IAM.
type proofEndpoint struct {
	region string // "" for IAM
	streak int    // successes in a row since the last failure

	refused bool // the last answer was that the key is unknown or not listed
}

// name returns the name of the endpoint for a person.
func (e *proofEndpoint) name() string {
	if e.region == "" {
		return "iam"
	}
	return "sts " + e.region
}

// adoptEndpoints makes the proof ask STS in the given regions, and IAM. The regions
// are those of the profiles and the partition's default region, without the regions
// that are off. An endpoint that was asked before keeps its streak.
func (p *proof) adoptEndpoints(regions []string) {
	var all []proofEndpoint
	for _, region := range append(slices.Clone(regions), "") {
		i := slices.IndexFunc(p.endpoints, func(e proofEndpoint) bool { return e.region == region })
		if i < 0 {
			all = append(all, proofEndpoint{region: region})
			continue
		}
		all = append(all, p.endpoints[i])
	}
	p.endpoints = all
}

// ask asks the endpoint whether it accepts the new key.
func (p *proof) ask(ctx context.Context, client *iam.Client, e *proofEndpoint) error {
	r := p.target.facts.Rotation
	if e.region == "" {
		return p.askIAM(ctx, client, r.New)
	}
	_, err := p.d.askRegion(ctx, p.target, client, e.region)
	return err
}

// errNotListed reports that ListAccessKeys lags behind. The deactivation of the
// old key later relies on that list.
var errNotListed = errors.New("daemon: IAM accepts the new key but does not list it yet")

// proof is what proveKey knows between its rounds.
type proof struct {
	d           *Rotator // of this round
	target      *target  // of this round
	required    int      // required successes in a row
	mending     bool     // the pair was proven before
	endpoints   []proofEndpoint
	began       time.Time
	lastRefusal time.Time // when the last refusal came; zero when none came
	lastErr     error     // the last refusal
	muteSince   time.Time // since when an endpoint gives no verdict on the key: no network, no permission; zero when all do
}

// runRound asks the endpoints once. It returns nil once the key is proven, and
// errNotYet while another round has to follow.
func (p *proof) runRound(ctx context.Context, client *iam.Client) error {
	p.askAll(ctx, client)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	elapsed := p.d.Now().Sub(p.began)
	if over, err := p.isOver(elapsed); over {
		return err
	}
	if p.isDone() {
		p.d.emit(p.target, decide.DoProve, VerbProving, fmt.Sprintf("%s  %s", p.progressText(0), elapsed.Round(100*time.Millisecond)))
		return nil
	}
	p.d.emitProgress(p.target, decide.DoProve, VerbProving, p.progressText(elapsed), p.began, proveHardLimit)
	return p.d.continueIn(p.target, p.nextInterval())
}

// askAll asks every endpoint once, side by side, over new connections. A load
// balancer may then choose another server, which may not know the key yet.
func (p *proof) askAll(ctx context.Context, client *iam.Client) {
	defer client.Close()
	p.d.reportAlive()
	said, mute := make([]error, len(p.endpoints)), false
	p.d.sideBySide(len(said), func(i int) { said[i] = p.ask(ctx, client, &p.endpoints[i]) })
	for i, err := range said {
		e := &p.endpoints[i]
		if err != nil {
			e.streak, p.lastRefusal = 0, p.d.Now()
			if !isType[*wrongOwnerError](p.lastErr) { // which ends the proof, whatever the others say
				p.lastErr = err
			}
			e.refused = iam.ClassOf(err) == iam.BadKey || errors.Is(err, errNotListed)
			mute = mute || !e.refused
			continue
		}
		e.streak++
		e.refused = false
		if e.region != "" {
			p.target.progress.noteOwner(client.KeyID())
		}
	}
	switch {
	case !mute:
		p.muteSince = time.Time{}
	case p.muteSince.IsZero():
		p.muteSince = p.d.Now()
	}
}

// isDone reports whether the key is proven.
func (p *proof) isDone() bool {
	if p.mending {
		return p.stillWorks()
	}
	for _, e := range p.endpoints {
		if e.streak < p.required {
			return false
		}
	}
	if p.lastRefusal.IsZero() {
		return true
	}
	return p.d.Now().Sub(p.lastRefusal) >= min(settleMax, max(settleMin, p.lastRefusal.Sub(p.began)))
}

// stillWorks reports whether a pair that was proven before still works: one
// endpoint accepts it, and no endpoint refuses it, or the accepting one has
// done so often enough to outvote a refusal. An endpoint that is out of reach
// today, or a region that was turned off since, must not leave a dead key in
// the file.
func (p *proof) stillWorks() bool {
	row, refused := 0, false
	for _, e := range p.endpoints {
		row, refused = max(row, e.streak), refused || e.refused
	}
	return row >= p.required && !refused || row >= outvoteStreak
}

// isOver ends a proof that will not succeed now. Only refusals by AWS give a
// key up. A network that is down for an hour says nothing about the key, and is
// not tried every second until it is back. A pair that was proven before is
// never given up, because the old key may be Inactive by now.
func (p *proof) isOver(elapsed time.Duration) (bool, error) {
	if other, ok := errors.AsType[*wrongOwnerError](p.lastErr); ok {
		p.target.progress.owned = nil // the old key signs the deletion of the new one, so its owner is confirmed first
		if p.mending {
			return true, orLeft(other, "the file was left as it is")
		}
		return true, p.d.giveUpNew(p.target, fmt.Sprintf("the new key belongs to %s, not %s", other.got, p.target.facts.Rotation.ARN))
	}
	if !p.muteSince.IsZero() && p.d.Now().Sub(p.muteSince) >= muteLimit && !(p.mending && p.anyAccepts()) {
		return true, p.finalErr()
	}
	if elapsed < proveHardLimit {
		return false, nil
	}
	if iam.ClassOf(p.lastErr) == iam.BadKey && !p.mending {
		return true, p.d.giveUpNew(p.target, "AWS did not accept the new key reliably within "+decide.FormatAge(proveHardLimit))
	}
	return true, p.lastErr
}

// finalErr returns why the proof ends for now. The error may need a person when
// some endpoints answer and others stay silent.
func (p *proof) finalErr() error {
	if p.anyAccepts() {
		return p.target.endpointFailure(decide.DoProve, p.lastErr)
	}
	return p.lastErr
}

// anyAccepts reports whether an endpoint accepts the key now.
func (p *proof) anyAccepts() bool {
	return slices.ContainsFunc(p.endpoints, func(e proofEndpoint) bool { return e.streak > 0 })
}

// nextInterval returns how long to wait before the next round.
func (p *proof) nextInterval() time.Duration {
	if p.d.ProofPause > 0 && !p.mending {
		return p.d.ProofPause
	}
	if p.d.Now().Sub(p.began) > proveSoftLimit {
		return 5 * time.Second
	}
	for _, e := range p.endpoints {
		if e.streak == 0 {
			return time.Second
		}
	}
	for _, e := range p.endpoints {
		if e.streak < p.required {
			return 200 * time.Millisecond
		}
	}
	return 500 * time.Millisecond // settling
}

// progressText describes the proof for the person who watches.
func (p *proof) progressText(elapsed time.Duration) string {
	var parts []string
	for _, e := range p.endpoints {
		parts = append(parts, fmt.Sprintf("%s %d/%d", e.name(), min(e.streak, p.required), p.required))
	}
	text := "accepted by " + strings.Join(parts, ", ")
	if elapsed > proveSoftLimit {
		text += ": this is taking longer than usual; the files are unchanged"
	}
	return text
}
