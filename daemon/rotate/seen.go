package rotate

import (
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/journal"
)

// agedSeen returns what an earlier pass saw, made too old to count as fresh. It
// is a cache: a decision that could do harm rests only on what this pass has
// seen.
func agedSeen(seen *decide.Seen, now time.Time) *decide.Seen {
	if seen == nil || now.Sub(seen.At) >= decide.FreshFor || seen.At.Sub(now) > journal.MaxClockOffset {
		return seen
	}
	old := *seen
	old.At = now.Add(-decide.FreshFor)
	return &old
}

// staleSeen keeps who the user is and marks the list of keys as out of date.
func staleSeen(s *decide.Seen) *decide.Seen {
	if s == nil {
		return nil
	}
	old := *s
	old.At = time.Time{}
	return &old
}

// withoutDeletedSince returns what AWS said without the keys that keyd has deleted since:
// the process that did so may not have saved the status yet, or never will.
func withoutDeletedSince(seen *decide.Seen, deleted map[string]time.Time) *decide.Seen {
	gone := func(k decide.ListedKey) bool { return deleted[k.ID].After(seen.At) }
	if seen == nil || !slices.ContainsFunc(seen.Keys, gone) {
		return seen
	}
	left := *seen
	left.Keys = slices.DeleteFunc(slices.Clone(seen.Keys), gone)
	return &left
}

// withoutKey returns keys without the one with this id.
func withoutKey(keys []decide.ListedKey, id string) []decide.ListedKey {
	var left []decide.ListedKey
	for _, k := range keys {
		if k.ID != id {
			left = append(left, k)
		}
	}
	return left
}
