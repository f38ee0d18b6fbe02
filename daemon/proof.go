package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyd/daemon/iam"
)

// proof is the state of one prove.
type proof struct {
	d         *Daemon
	u         *unit
	need      int
	mend      bool // proven once before
	endpoints []endpoint
	began     time.Time
	failed    time.Time // the last refusal
	err       error     // of the last refusal
	mute      time.Time // since when an endpoint says nothing of the key: no network, no permission
}

func (p *proof) run(ctx context.Context, client *iam.Client) error {
	for !p.done() {
		p.round(ctx, client)
		elapsed := p.d.Now().Sub(p.began)
		p.d.progress(p.u, Prove, "proving", p.text(elapsed), p.began, proveHard)
		if over, err := p.over(elapsed); over {
			return err
		}
		if err := pause(ctx, p.interval()); err != nil {
			return err
		}
	}
	p.d.tell(p.u, Prove, "proving", fmt.Sprintf("%s  %s", p.text(0), p.d.Now().Sub(p.began).Round(100*time.Millisecond)))
	return nil
}

// round asks every endpoint once, on new connections: a load balancer may then
// choose another machine, and that one may not know the key yet.
func (p *proof) round(ctx context.Context, client *iam.Client) {
	defer client.Close()
	mute := false
	for i := range p.endpoints {
		e := &p.endpoints[i]
		p.d.tick()
		if err := e.ask(ctx, client); err != nil {
			e.row, p.failed, p.err = 0, p.d.Now(), err
			mute = mute || iam.ClassOf(err) != iam.BadKey && !errors.Is(err, errNotListed)
			continue
		}
		e.row++
	}
	switch {
	case !mute:
		p.mute = time.Time{}
	case p.mute.IsZero():
		p.mute = p.d.Now()
	}
}

func (p *proof) done() bool {
	for _, e := range p.endpoints {
		if e.row < p.need {
			return false
		}
	}
	if p.failed.IsZero() {
		return true
	}
	if p.mend { // proven once
		return true
	}
	return p.d.Now().Sub(p.failed) >= min(settleMost, max(settleLeast, p.failed.Sub(p.began)))
}

// over ends a proof that will not succeed now. Only AWS's refusals give a key
// up: a network that is away for an hour says nothing of the key, and is not
// asked every second until it is back.
func (p *proof) over(elapsed time.Duration) (bool, error) {
	if other, ok := errors.AsType[*otherIdentityError](p.err); ok {
		return true, p.d.fail(p.u, other.Error())
	}
	if !p.mute.IsZero() && p.d.Now().Sub(p.mute) >= proveMute {
		return true, p.err
	}
	if elapsed < proveHard {
		return false, nil
	}
	if iam.ClassOf(p.err) == iam.BadKey && !p.mend {
		return true, p.d.fail(p.u, "AWS did not accept the new key steadily within "+formatAge(proveHard))
	}
	return true, p.err
}

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

func (p *proof) text(elapsed time.Duration) string {
	var parts []string
	for _, e := range p.endpoints {
		parts = append(parts, fmt.Sprintf("%s %d/%d", e.name, min(e.row, p.need), p.need))
	}
	text := "accepted by " + strings.Join(parts, ", ")
	if elapsed > proveSoft {
		text += ": this takes longer than usual, the files are as they were"
	}
	return text
}
