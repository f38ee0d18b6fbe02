package daemon

import (
	"hash/fnv"
	"strconv"
	"time"
)

// retryAfter is how long to wait after the nth failure in a row.
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
func retryAfter(n int) time.Duration {
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
	// offlineMost bounds the wait for a network. It comes back at any moment,
	// and asking costs a DNS query that does not even leave the machine.
	offlineMost = 15 * time.Minute
	// offlineLeast keeps the shortest draw from being a rush.
	offlineLeast = 10 * time.Second
)

// offlineAfter is how long to wait for the network after the nth failure in a
// row: anything up to retryAfter(n), at most 15 minutes. Full jitter: a company
// whose network comes back does not call AWS in one second. The draw follows
// from the moment of the failure, so that it is the same whenever it is asked.
func offlineAfter(n int, failed time.Time) time.Duration {
	most := min(retryAfter(n), offlineMost)
	h := fnv.New64a()
	h.Write([]byte(strconv.FormatInt(failed.UnixNano(), 10)))
	h.Write([]byte(strconv.Itoa(n)))
	return max(time.Duration(h.Sum64()%uint64(max(most, 1))), offlineLeast)
}

// until is when the failed action may be tried again.
func (t *Trouble) until() time.Time {
	switch {
	case t.Definite:
		return t.At.Add(recheck)
	case t.Offline:
		return t.At.Add(offlineAfter(t.Count, t.At))
	}
	return t.At.Add(retryAfter(t.Count))
}

// over reports whether the failed action may be tried again. What failed before
// the machine slept, for want of a network, says nothing after it; neither does
// what failed in the future of a clock that has been set back.
func (t *Trouble) over(awake, now time.Time) bool {
	return !now.Before(t.until()) || t.Offline && t.At.Before(awake) || t.At.Sub(now) > maxClockOff
}
