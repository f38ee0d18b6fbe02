package daemon

import (
	"cmp"
	"fmt"
	"time"
)

const (
	// failureLimit is how long keyd retries a temporary failure, not counting time
	// asleep or off, before it asks a person: no one reads a log for a week.
	failureLimit = 7 * day
	// failureLimitOldKey is the same limit for a key that is older than max_age.
	failureLimitOldKey = day
)

// holdsBack reports whether the action do has to wait because of this failure. An
// action that repairs the files waits only for its own failures, or for those of
// the step it leads to: a key that cannot be deleted today is no reason to leave a
// dead key in the files until tomorrow.
func (t *Failure) holdsBack(do Do) bool {
	switch do {
	case DoMend, DoSwap, DoValidate, DoPutBack, DoRevive:
		return t.Do == do
	case DoProve:
		return t.Do == DoProve || t.Do == DoSwap
	}
	return true
}

// orWaitForRetry returns d, or the wait for the next retry when its action, or one
// that holds it back, has recently failed.
func orWaitForRetry(f Facts, s Settings, now time.Time, d Decision) Decision {
	if d.EndsPass() || f.Failure == nil || !f.Failure.holdsBack(d.Do) {
		return d
	}
	if held, ok := waitForRetry(f, s, now); ok {
		return held
	}
	return d
}

// waitForRetry returns the decision to wait, or to ask a person, after a failure.
// It returns false when the action may be tried now.
func waitForRetry(f Facts, s Settings, now time.Time) (Decision, bool) {
	t := f.Failure
	switch {
	case t == nil || t.MayRetry(f.AwakeSince, now):
		return Decision{}, false
	case t.NeedsPerson:
		return BlockUntil(t.retryAt(), t.Why, t.Hint), true
	}
	if limit, over := t.lastedTooLong(isPastMaxAge(f, s, now)); over {
		return BlockUntil(t.retryAt(), fmt.Sprintf("for more than %s: %s", FormatAge(limit), t.Why), cmp.Or(t.Hint, Command("keyd rotate", f.Profiles[0]))), true
	}
	return Decision{Do: DoWait, State: StateWaiting, Until: t.retryAt(), Why: t.Why, Hint: t.Hint}, true
}

// lastedTooLong reports whether a failure has lasted too long to keep waiting, and
// returns the limit. Being offline does not count, unless the key is also past
// max_age.
func (t *Failure) lastedTooLong(tooOld bool) (limit time.Duration, over bool) {
	noNetwork := t.Offline && !t.Intercepted
	limit = failureLimit
	if tooOld && !noNetwork {
		limit = failureLimitOldKey
	}
	return limit, t.Lasted >= limit && (tooOld || !noNetwork)
}

// ContinueFrom makes t the next failure in a row after before, of the same action.
// Lasted grows only by time in which the machine was on: awake is when the machine
// last woke, or zero. It grows by at most RecheckEvery, because no failed action
// waits longer than that.
func (t *Failure) ContinueFrom(before *Failure, awake time.Time) {
	t.Count, t.Lasted = before.Count+1, before.Lasted
	since := before.At
	if since.IsZero() {
		return
	}
	if awake.After(since) {
		since = awake
	}
	t.Lasted += min(max(t.At.Sub(since), 0), RecheckEvery)
}

// clearStaleFailure forgets a failure at the end of a pass when nothing waits for
// it any more: its action is no longer due, and if it fails again some day, that
// is another failure. After a rotation was given up, the failure stays until the
// next rotation succeeds.
func (u *target) clearStaleFailure(now time.Time) {
	if t := u.facts.Failure; t != nil && t.Do != DoDiscard && t.MayRetry(u.facts.AwakeSince, now) {
		u.facts.Failure = nil
	}
}

// isPastMaxAge reports whether the key to be replaced is older than max_age, the
// limit of auditors.
func isPastMaxAge(f Facts, s Settings, now time.Time) bool {
	if f.Seen == nil {
		return false
	}
	key := f.Seen.FindKey(f.ID)
	return key != nil && now.Add(f.Seen.Offset).Sub(key.Created) > s.MaxAge
}
