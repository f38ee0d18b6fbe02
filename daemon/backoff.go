package daemon

import (
	"hash/fnv"
	"strconv"
	"time"
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
	// offlineMaxWait limits the wait for a network. The network may return at any
	// moment, and a try costs one DNS query that does not leave the machine.
	offlineMaxWait = 15 * time.Minute
	// offlineMinWait prevents retries in quick succession after a short draw.
	offlineMinWait = 10 * time.Second
)

// offlineRetryAfter returns how long to wait for the network after the nth failure
// in a row: a random time of at most RetryAfter(n) and 15 minutes. The jitter is
// full, so that a company's machines do not all call AWS in the second in which
// their network comes back. The draw is derived from the time of the failure, so
// every call returns the same result.
func offlineRetryAfter(n int, failed time.Time) time.Duration {
	most := min(RetryAfter(n), offlineMaxWait)
	h := fnv.New64a()
	h.Write([]byte(strconv.FormatInt(failed.UnixNano(), 10)))
	h.Write([]byte(strconv.Itoa(n)))
	return max(time.Duration(h.Sum64()%uint64(max(most, 1))), offlineMinWait)
}

// retryAt returns when the failed action may be tried again.
func (t *Failure) retryAt() time.Time {
	switch {
	case t.NeedsPerson:
		return t.At.Add(RecheckEvery)
	case t.Offline:
		return t.At.Add(offlineRetryAfter(t.Count, t.At))
	}
	return t.At.Add(RetryAfter(t.Count))
}

// MayRetry reports whether the failed action may be tried again. A failure without
// a network says nothing once the machine has slept and woken. Neither does a
// failure in the future: its clock has been set back since.
func (t *Failure) MayRetry(awake, now time.Time) bool {
	return !now.Before(t.retryAt()) || t.Offline && t.At.Before(awake) || t.At.Sub(now) > MaxClockOffset
}
