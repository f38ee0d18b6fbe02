package daemon

import (
	"cmp"
	"fmt"
	"time"
)

const (
	// patience is how long a failure may last that waiting can mend, while the
	// machine is on. A person is needed then: nobody reads a log for a week.
	patience = 7 * day
	// oldPatience is the same for a key that is older than max_age.
	oldPatience = day
)

// holds reports whether an action waits for this trouble. What puts right what
// the files show waits for a failure of its own only, or of the step that it
// leads to: a key that cannot be deleted today is no reason to show a dead one
// until tomorrow.
func (t *Trouble) holds(do Do) bool {
	switch do {
	case Mend, Swap, Validate, PutBack, Revive:
		return t.Do == do
	case Prove:
		return t.Do == Prove || t.Do == Swap
	}
	return true
}

// orTrouble holds an action back when its last try failed not long ago, or that
// of another action on the same way.
func orTrouble(f Facts, s Settings, now time.Time, d Decision) Decision {
	if d.Ends() || f.Trouble == nil || !f.Trouble.holds(d.Do) {
		return d
	}
	if held, ok := afterTrouble(f, s, now); ok {
		return held
	}
	return d
}

// afterTrouble says how a failed action is waited for.
func afterTrouble(f Facts, s Settings, now time.Time) (Decision, bool) {
	t := f.Trouble
	switch {
	case t == nil || t.over(f.Awake, now):
		return Decision{}, false
	case t.Definite:
		return blocked(t.until(), t.Why, t.Hint), true
	}
	if limit, over := t.lasts(pastMaxAge(f, s, now)); over {
		return blocked(t.until(), fmt.Sprintf("for more than %s: %s", formatAge(limit), t.Why), cmp.Or(t.Hint, Command("keyd rotate", f.Profiles[0]))), true
	}
	return Decision{Do: Wait, State: Waiting, Until: t.until(), Why: t.Why, Run: t.Hint}, true
}

// lasts reports whether a failure has lasted too long to go on waiting for, and
// how long that is. To have no network is none, until the key is too old too.
func (t *Trouble) lasts(tooOld bool) (limit time.Duration, over bool) {
	away := t.Offline && !t.Intercepted
	limit = patience
	if tooOld && !away {
		limit = oldPatience
	}
	return limit, t.Lasted >= limit && (tooOld || !away)
}

// goesOn counts t as the next failure of the same action after before. Only the
// time counts in which the machine was on: awake is when it woke last, or zero. No
// failed action waits for longer than a day.
func (t *Trouble) goesOn(before *Trouble, awake time.Time) {
	t.Count, t.Lasted = before.Count+1, before.Lasted
	since := before.At
	if since.IsZero() {
		return
	}
	if awake.After(since) {
		since = awake
	}
	t.Lasted += min(max(t.At.Sub(since), 0), recheck)
}

// outlive forgets a trouble that nothing waits for when a pass ends: the action is
// not due any more, and should it fail again one day, that is another failure. A
// rotation that was given up has failed until the next one succeeds.
func (u *unit) outlive(now time.Time) {
	if t := u.facts.Trouble; t != nil && t.Do != Discard && t.over(u.facts.Awake, now) {
		u.facts.Trouble = nil
	}
}

// pastMaxAge reports whether the key that the rotation replaces, or would
// replace, is older than auditors allow.
func pastMaxAge(f Facts, s Settings, now time.Time) bool {
	if f.Seen == nil {
		return false
	}
	key := f.Seen.Key(f.ID)
	return key != nil && now.Add(f.Seen.Offset).Sub(key.Created) > s.MaxAge
}
