package daemon

import (
	"time"

	"keyd/daemon/iam"
)

// outage is a network failure found in this pass, shared among the keys. If one
// key waits half a minute for a connection in vain, sixty keys would take half
// an hour, and a file that has to be mended would wait behind them.
type absence struct {
	began time.Time // when the pass began
	found *unit     // the first target that could not connect; nil while all can
}

// shareFailure records the failure of the first target for another target that
// calls the same endpoints and has something to do, so that it need not fail by
// itself. Actions that need no network are done even so.
func (a *absence) share(t *unit, do Do, now time.Time) {
	if a.found == nil || do == Mend || t.facts.Misplaced != nil || t.facts.Ask.Person {
		return
	}
	if t.site.Partition != a.found.site.Partition || iam.CustomEndpoints(t.site) != iam.CustomEndpoints(a.found.site) {
		return
	}
	before, failure := t.facts.Trouble, *a.found.facts.Trouble
	failure.Do, failure.At, failure.Count, failure.Lasted = do, now.UTC(), 1, 0
	switch {
	case before == nil:
	case before.Offline:
		failure.goesOn(before, t.facts.Awake)
	default: // the target already waits for another reason, which is kept
		return
	}
	t.facts.Trouble = &failure
}

// noteTarget remembers the first target that could not connect.
func (a *absence) note(t *unit) {
	if failure := t.facts.Trouble; a.found == nil && failure != nil && failure.Offline && !failure.At.Before(a.began) {
		a.found = t
	}
}
