package decide

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// RetryAfter returns how long to wait after the nth failure in a row.
//
//	failure  wait  since the first
//	1         1m    1m
//	2         2m    3m
//	3         2m    5m
//	4         5m   10m
//	5        10m   20m
//	6        10m   30m
//	7        20m   50m
//	8 ..      1h
//	16 ..     6h
func RetryAfter(n int) time.Duration {
	steps := []time.Duration{1, 2, 2, 5, 10, 10, 20}
	switch {
	case n < 1:
		return 0
	case n <= len(steps):
		return steps[n-1] * time.Minute
	case n < 16:
		return time.Hour
	}
	return 6 * time.Hour
}

const (
	// OfflineMaxWait limits the wait for a network. The network may return at any
	// moment, and a try costs one DNS query that does not leave the machine.
	OfflineMaxWait = 15 * time.Minute
	// offlineMinWait prevents retries in quick succession after a short draw.
	offlineMinWait = 10 * time.Second
)

// offlineRetryAfter returns how long to wait for the network after the nth failure
// in a row: a random time of at most RetryAfter(n) and 15 minutes. The jitter is
// full, so that a company's machines do not all call AWS in the second in which
// their network comes back. The draw is derived from the key and the time of the
// failure, so every call returns the same result, and two keys that failed at one
// reading of a coarse clock do not stay in step.
func offlineRetryAfter(n int, failed time.Time, id string) time.Duration {
	most := min(RetryAfter(n), OfflineMaxWait)
	return max(drawWait(most, n, failed, id), offlineMinWait)
}

// drawWait returns a duration below most that looks random, and is the same for the
// same failure of the same key.
func drawWait(most time.Duration, n int, failed time.Time, id string) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(strconv.FormatInt(failed.UnixNano(), 10)))
	h.Write([]byte(strconv.Itoa(n)))
	h.Write([]byte(id))
	mixed := h.Sum64() // FNV alone leaves the high bits of short inputs close together
	mixed = (mixed ^ mixed>>30) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ mixed>>27) * 0x94d049bb133111eb
	return time.Duration((mixed ^ mixed>>31) % uint64(max(most, 1)))
}

// retryAt returns when the failed action may be tried again for the key id.
func (t *Failure) retryAt(id string) time.Time {
	switch {
	case t.Denied:
		return t.deniedRetryAt(id)
	case t.NeedsPerson:
		return t.At.Add(RecheckEvery)
	case t.Offline:
		return t.At.Add(offlineRetryAfter(t.Count, t.At, id))
	}
	return t.At.Add(RetryAfter(t.Count))
}

// MayRetry reports whether the failed action may be tried again for the key id. A
// failure without a network means nothing once the machine has slept and woken. A
// denial means less then: the machine may be on another network. A failure in the future
// means nothing: the clock has been set back since.
func (t *Failure) MayRetry(id string, awake, now time.Time) bool {
	woken := t.At.Before(awake)
	return !now.Before(t.retryAt(id)) || woken && (t.Offline || t.Denied && t.mayRetryAwake(now)) || t.At.Sub(now) > journal.MaxClockOffset
}

const (
	// FailureLimit is how long keyd retries a temporary failure, not counting time
	// asleep or off, before it asks a person: no one reads a log for a week.
	FailureLimit = 7 * settings.Day
	// FailureLimitOldKey is the same limit for a key that is older than max_age, or
	// whose age is not known.
	FailureLimitOldKey = settings.Day
)

// orWaitForRetry returns d, or the wait for the next retry when its action, or one
// that holds it back, has recently failed.
func orWaitForRetry(f Facts, s settings.Settings, now time.Time, d Decision) Decision {
	action := ActionOf(d.Do)
	if action.EndsPass || f.Failure == nil || !action.isHeldBackBy(f.Failure.Do) {
		return d
	}
	if held, ok := waitForRetry(f, s, now); ok {
		return held
	}
	return d
}

// waitForRetry returns the decision to wait, or to ask a person, after a failure.
// It returns false when the action may be tried now.
func waitForRetry(f Facts, s settings.Settings, now time.Time) (Decision, bool) {
	t := f.Failure
	switch {
	case t == nil || t.MayRetry(f.ID, f.AwakeSince, now):
		return Decision{}, false
	case t.NeedsPerson:
		return BlockUntil(t.retryAt(f.ID), t.Why, t.Hint).InShort(t.Short), true
	}
	if limit, over := t.lastedTooLong(isPastMaxAge(f, s, now)); over {
		return BlockUntil(t.retryAt(f.ID), fmt.Sprintf("for more than %s: %s", FormatAge(limit), t.Why), cmp.Or(t.Hint, hint.Command("keyd rotate", f.Profiles[0]))).InShort(t.Short), true
	}
	return Decision{Do: DoWait, State: StateWaiting, Until: t.retryAt(f.ID), Why: t.waitReason(), Short: t.Short, Hint: t.Hint}, true
}

// lastedTooLong reports whether a failure has lasted too long to keep waiting, and
// returns the limit. Without any network the limit is a week, whatever the age of the
// key: keyd cannot tell a ship from a firewall. A single silent endpoint is not that.
func (t *Failure) lastedTooLong(tooOld bool) (limit time.Duration, over bool) {
	limit = FailureLimit
	if noNetwork := t.Offline && !t.Intercepted; tooOld && !noNetwork {
		limit = FailureLimitOldKey
	}
	return limit, t.Lasted >= limit
}

// ContinueFrom makes t the next failure in a row after before, of the same action.
// Lasted grows only by time in which the machine was on: awake is when the machine
// last woke, or zero. It grows by at most RecheckEvery, because no failed action
// waits longer than that.
func (t *Failure) ContinueFrom(before *Failure, awake time.Time) {
	t.Count, t.Lasted, t.Hidden = before.Count+1, before.Lasted, before.Hidden
	t.continueDenials(before)
	since := before.At
	if since.IsZero() {
		return
	}
	if awake.After(since) {
		since = awake
	}
	t.Lasted += min(max(t.At.Sub(since), 0), RecheckEvery)
}

// isPastMaxAge reports whether the key to be replaced is older than max_age, the
// limit of auditors. An unknown age counts as too old.
func isPastMaxAge(f Facts, s settings.Settings, now time.Time) bool {
	if f.Seen == nil {
		return true
	}
	key := f.Seen.FindKey(f.ID)
	return key == nil || now.Add(f.Seen.Offset).Sub(key.Created) > s.MaxAge
}
