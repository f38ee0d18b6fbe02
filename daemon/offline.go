package daemon

import "time"

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
func (a *absence) share(u *unit, do Do, now time.Time) {
	if a.found == nil || do == Mend || u.facts.Misplaced != nil || u.facts.Ask.Person {
		return
	}
	if u.site.Partition != a.found.site.Partition || u.site.Custom() != a.found.site.Custom() {
		return
	}
	before, t := u.facts.Trouble, *a.found.facts.Trouble
	t.Do, t.At, t.Count, t.Lasted = do, now.UTC(), 1, 0
	switch {
	case before == nil:
	case before.Offline:
		t.goesOn(before, u.facts.Awake)
	default: // the target already waits for another reason, which is kept
		return
	}
	u.facts.Trouble = &t
}

// noteTarget remembers the first target that could not connect.
func (a *absence) note(u *unit) {
	if t := u.facts.Trouble; a.found == nil && t != nil && t.Offline && !t.At.Before(a.began) {
		a.found = u
	}
}
