package daemon

import "time"

// absence is a network that was found to be away in this pass. Where one key
// waited half a minute for a connection in vain, sixty would take half an hour,
// and a file that wants mending would wait behind them.
type absence struct {
	began time.Time // of the pass
	found *unit     // the first key that met it
}

// share gives a key for which something is to be done the failure of another one
// that calls the same endpoints, in place of one of its own. What needs no network
// is done all the same.
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
	default: // it waits for another reason, and that one stays
		return
	}
	u.facts.Trouble = &t
}

// note remembers a key that could not connect.
func (a *absence) note(u *unit) {
	if t := u.facts.Trouble; a.found == nil && t != nil && t.Offline && !t.At.Before(a.began) {
		a.found = u
	}
}
