package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/iam"
)

// proof is the state of one run of proveKey.
type proof struct {
	d         *Daemon
	target    *unit
	need      int  // required successes in a row
	mend      bool // the pair was proven before
	endpoints []endpoint
	began     time.Time
	failed    time.Time // when the last refusal came; zero when none came
	err       error     // the last refusal
	mute      time.Time // since when an endpoint gives no verdict on the key: no network, no permission; zero when all do
}

// runRounds asks the endpoints in rounds until the key is proven or the proof
// ends for now.
func (p *proof) run(ctx context.Context, client *iam.Client) error {
	for !p.done() {
		p.round(ctx, client)
		elapsed := p.d.Now().Sub(p.began)
		p.d.progress(p.target, Prove, "proving", p.text(elapsed), p.began, proveHard)
		if over, err := p.over(elapsed); over {
			return err
		}
		if err := pause(ctx, p.interval()); err != nil {
			return err
		}
	}
	p.d.tell(p.target, Prove, "proving", fmt.Sprintf("%s  %s", p.text(0), p.d.Now().Sub(p.began).Round(100*time.Millisecond)))
	return nil
}

// askAll asks every endpoint once, over new connections. A load balancer may
// then choose another server, which may not know the key yet.
func (p *proof) round(ctx context.Context, client *iam.Client) {
	defer client.Close()
	mute := false
	for i := range p.endpoints {
		e := &p.endpoints[i]
		p.d.tick()
		if err := e.ask(ctx, client); err != nil {
			e.row, p.failed, p.err = 0, p.d.Now(), err
			e.refused = iam.ClassOf(err) == iam.BadKey || errors.Is(err, errNotListed)
			mute = mute || !e.refused
			continue
		}
		e.row++
		e.refused = false
	}
	switch {
	case !mute:
		p.mute = time.Time{}
	case p.mute.IsZero():
		p.mute = p.d.Now()
	}
}

// isDone reports whether the key is proven.
func (p *proof) done() bool {
	if p.mend {
		return p.stillWorks()
	}
	for _, e := range p.endpoints {
		if e.row < p.need {
			return false
		}
	}
	if p.failed.IsZero() {
		return true
	}
	return p.d.Now().Sub(p.failed) >= min(settleMost, max(settleLeast, p.failed.Sub(p.began)))
}

// stillWorks reports whether a pair that was proven before still works: one
// endpoint accepts it, and no endpoint refuses it, or the accepting one has
// done so often enough to outvote a refusal. An endpoint that is out of reach
// today, or a region that was turned off since, must not leave a dead key in
// the file.
func (p *proof) stillWorks() bool {
	row, refused := 0, false
	for _, e := range p.endpoints {
		row, refused = max(row, e.row), refused || e.refused
	}
	return row >= p.need && !refused || row >= outvotes
}

// isOver ends a proof that will not succeed now. Only refusals by AWS give a
// key up. A network that is down for an hour says nothing about the key, and is
// not tried every second until it is back. A pair that was proven before is
// never given up, because the old key may be Inactive by now.
func (p *proof) over(elapsed time.Duration) (bool, error) {
	if other, ok := errors.AsType[*otherIdentityError](p.err); ok {
		if p.mend {
			return true, &needPersonError{text: other.Error() + ": the file was left as it is", run: AsProfile("aws sts get-caller-identity", p.target.facts.Profiles[0])}
		}
		return true, p.d.fail(p.target, other.Error())
	}
	if !p.mute.IsZero() && p.d.Now().Sub(p.mute) >= proveMute && !(p.mend && p.accepted()) {
		return true, p.said()
	}
	if elapsed < proveHard {
		return false, nil
	}
	if iam.ClassOf(p.err) == iam.BadKey && !p.mend {
		return true, p.d.fail(p.target, "AWS did not accept the new key reliably within "+formatAge(proveHard))
	}
	return true, p.err
}

// finalErr returns why the proof ends for now. The error may need a person when
// some endpoints answer and others stay silent.
func (p *proof) said() error {
	if p.accepted() {
		return p.target.unanswered(Prove, p.err)
	}
	return p.err
}

// anyAccepts reports whether an endpoint accepts the key now.
func (p *proof) accepted() bool {
	return slices.ContainsFunc(p.endpoints, func(e endpoint) bool { return e.row > 0 })
}

// nextInterval returns how long to wait before the next round.
func (p *proof) interval() time.Duration {
	if p.d.Now().Sub(p.began) > proveSoft {
		return 5 * time.Second
	}
	for _, e := range p.endpoints {
		if e.row == 0 {
			return time.Second
		}
	}
	for _, e := range p.endpoints {
		if e.row < p.need {
			return 200 * time.Millisecond
		}
	}
	return 500 * time.Millisecond // settling
}

// progressText describes the proof for the person who watches.
func (p *proof) text(elapsed time.Duration) string {
	var parts []string
	for _, e := range p.endpoints {
		parts = append(parts, fmt.Sprintf("%s %d/%d", e.name, min(e.row, p.need), p.need))
	}
	text := "accepted by " + strings.Join(parts, ", ")
	if elapsed > proveSoft {
		text += ": this is taking longer than usual; the files are unchanged"
	}
	return text
}
