package rotate

import (
	"context"
	"errors"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// explainFailure finds out more about a failure right after it happened: which policy
// denied the call, and whether one endpoint or the whole network is silent. It makes a
// few calls that only read.
func (d *Rotator) explainFailure(ctx context.Context, t *target, do decide.Do, err error) error {
	e, ok := errors.AsType[*iam.Error](err)
	if !ok || isInterrupted(ctx, err) || isType[*needPersonError](err) {
		return err
	}
	switch {
	case e.Class == iam.Denied:
		return d.explainDenial(ctx, t, do, e, err)
	case isOffline(err) && d.anyAnswers(ctx, t, e.Endpoint):
		return &oneSilentError{err: err, silent: e}
	}
	return err
}

// explainDenial asks what else the key may do, but only at the first of several denials
// in a row. It names AWS's quarantine of a leaked key as such.
func (d *Rotator) explainDenial(ctx context.Context, t *target, do decide.Do, e *iam.Error, err error) error {
	before := t.failureBefore(do)
	switch {
	case e.IsVague() && before != nil && before.Denied && iam.Denial(before.Denial).ComesFromPattern():
		e.Denial = iam.Denial(before.Denial)
	case e.IsVague():
		_ = d.withClient(t, t.shownPair(), func(client *iam.Client) error { return client.ExplainDenial(ctx, t.userName(), e) })
	}
	switch e.Denial {
	case iam.DenialQuarantine:
		return &needPersonError{text: "the key has leaked: AWS found it in public and has quarantined it (AWSCompromisedKeyQuarantine); " + err.Error(), hint: e.Hint(), err: err}
	case iam.DenialLeakLike:
		if !e.Session && d.triesWithMFA(ctx, t) {
			return errSessionOver
		}
		return &needPersonError{text: "AWS lists the keys but denies every change, as it does when a key has leaked (AWSCompromisedKeyQuarantine); " + err.Error(), hint: e.Hint(), err: err}
	default:
		return err
	}
}

// failureBefore returns the previous failure of do, or nil. When a person asks, that
// failure no longer delays anything, but it still counts.
func (t *target) failureBefore(do decide.Do) *decide.Failure {
	before := t.facts.Failure
	if asked := t.facts.Options.Manual || t.facts.Options.Retry; asked && before == nil && t.lastStatus != nil {
		before = t.lastStatus.Failure
		if before != nil && before.Do != do {
			before = before.Hidden
		}
	}
	if before == nil || before.Do != do {
		return nil
	}
	return before
}

// askAnywayFor is how long keyd waits for an endpoint that is asked only to learn whether
// there is a network.
const askAnywayFor = 5 * time.Second

// anyAnswers reports whether an endpoint other than silent has answered in this step, or
// answers now. The machine is offline only when none does. A single silent endpoint
// concerns only the keys that need it.
func (d *Rotator) anyAnswers(ctx context.Context, t *target, silent string) bool {
	if t.progress.evidence.hasAnswer() {
		return true
	}
	_ = d.withClient(t, t.shownPair(), func(client *iam.Client) error {
		ask := func(call func(context.Context) error) {
			if t.progress.evidence.hasAnswer() {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, askAnywayFor)
			defer cancel()
			_ = call(ctx) // only the trip counts
		}
		for _, region := range t.endpoints.Regions {
			if client.HostOf(region) != silent {
				ask(func(ctx context.Context) error { _, err := d.askRegion(ctx, t, client, region); return err })
			}
		}
		if client.HostOf("") != silent {
			ask(func(ctx context.Context) error { _, err := client.LastUsed(ctx, t.shownPair().ID, ""); return err })
		}
		return nil
	})
	return t.progress.evidence.hasAnswer()
}

// oneSilentError is a failure of one endpoint while another one answers.
type oneSilentError struct {
	err    error
	silent *iam.Error
}

// Error adds that there is a network.
func (e *oneSilentError) Error() string { return e.err.Error() + "; other endpoints of AWS answer" }

// Unwrap returns the failure.
func (e *oneSilentError) Unwrap() error { return e.err }

// Hint asks about the one endpoint.
func (e *oneSilentError) Hint() string {
	if iam.IsIntercepted(e.silent) {
		return e.silent.Hint()
	}
	ask := "let the firewall, the proxy or the VPN allow connections to " + e.silent.Endpoint
	if strings.HasPrefix(e.silent.Endpoint, "sts.") { // the name has a region in it
		ask = "correct the region of the profile, if it is not the one in " + e.silent.Endpoint + "; otherwise " + ask + ", where the key has to work"
	}
	return ask + iam.DoctorHint
}
