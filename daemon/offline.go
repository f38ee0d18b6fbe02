package daemon

import (
	"time"

	"keyd/daemon/iam"
)

// outage is a network failure found in this pass, shared among the keys. If one
// key waits half a minute for a connection in vain, sixty keys would take half
// an hour, and a file that has to be mended would wait behind them.
type outage struct {
	passBegan   time.Time // when the pass began
	firstTarget *target   // the first target that could not connect; nil while all can
}

// shareFailure records the failure of the first target for another target that
// calls the same endpoints and has something to do, so that it need not fail by
// itself. Actions that need no network are done even so.
func (a *outage) shareFailure(t *target, do Do, now time.Time) {
	if a.firstTarget == nil || do == DoMend || t.facts.EndpointErr != nil || t.facts.Options.Manual {
		return
	}
	if t.endpoints.Partition != a.firstTarget.endpoints.Partition || iam.CustomEndpoints(t.endpoints) != iam.CustomEndpoints(a.firstTarget.endpoints) {
		return
	}
	before, failure := t.facts.Failure, *a.firstTarget.facts.Failure
	failure.Do, failure.At, failure.Count, failure.Lasted = do, now.UTC(), 1, 0
	switch {
	case before == nil:
	case before.Offline:
		failure.ContinueFrom(before, t.facts.AwakeSince)
	default: // the target already waits for another reason, which is kept
		return
	}
	t.facts.Failure = &failure
}

// noteTarget remembers the first target that could not connect.
func (a *outage) noteTarget(t *target) {
	if failure := t.facts.Failure; a.firstTarget == nil && failure != nil && failure.Offline && !failure.At.Before(a.passBegan) {
		a.firstTarget = t
	}
}
