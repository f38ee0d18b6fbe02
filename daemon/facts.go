package daemon

import (
	"hash/fnv"
	"slices"
	"time"

	"keyd/credfile"
)

// Facts is all that Next may know of one access key.
type Facts struct {
	ID       string   // the id that the files show; the old id while a rotation goes on
	Profiles []string // the names of the profiles that show it, in file order
	Skip     string   // why there is nothing to rotate; "" when there may be

	Rotation *Rotation // nil when none goes on
	Shows    Shows     // what the files show of it; zero without a rotation
	Seen     *Seen     // what AWS last said; nil when it was never asked
	Trouble  *Trouble  // the last action failed; nil when it did not

	// Known in this pass only: all of them are found out again after a crash.
	Ready  bool // the preflight has passed
	Proven bool // the new key has been accepted everywhere

	Ask Ask
}

// Ask is what a person wants of a pass, beyond what is due. The zero Ask is
// the daemon's.
type Ask struct {
	Person    bool // asked now: do not wait for the next retry or re-check
	Force     bool // replace the key although it is young
	RetireNow bool // skip overlap and quarantine, but no proof
}

// Shows counts what the places of a rotation show.
type Shows struct {
	Old, New int      // places that show the old and the new id
	Third    []string // profiles whose id is neither: a person changed it
	Gone     []string // profiles that are no longer there
}

// Seen is what AWS said of a key, remembered over restarts in status.json. It
// is a cache: every action that could harm looks again first.
type Seen struct {
	At      time.Time     `json:"at"`                 // of ListAccessKeys, local clock
	Offset  time.Duration `json:"offset_ns,omitzero"` // server clock minus local clock
	Account string        `json:"account"`
	ARN     string        `json:"arn"`
	User    string        `json:"user"`
	Root    bool          `json:"root,omitzero"`
	Keys    []SeenKey     `json:"keys"`
}

// SeenKey is one access key of the user, as ListAccessKeys shows it.
type SeenKey struct {
	ID      string    `json:"id"`
	Active  bool      `json:"active"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Used    *Use      `json:"used,omitzero"` // only of a second key, when one stands in the way
}

// Key returns the listed key with this id, or nil.
func (s *Seen) Key(id string) *SeenKey {
	i := slices.IndexFunc(s.Keys, func(k SeenKey) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Keys[i]
}

// Other returns the first listed key that is not id, or nil.
func (s *Seen) Other(id string) *SeenKey {
	i := slices.IndexFunc(s.Keys, func(k SeenKey) bool { return k.ID != id })
	if i < 0 {
		return nil
	}
	return &s.Keys[i]
}

// Trouble is the failure of an action, counted while it repeats.
type Trouble struct {
	Do       Do        `json:"do"`
	At       time.Time `json:"at"`
	Count    int       `json:"count"`
	Why      string    `json:"why"`
	Hint     string    `json:"hint,omitzero"`
	Definite bool      `json:"definite,omitzero"` // waiting does not help: a person is needed
}

// recheck is how often a key that nothing is due for is looked at again, and a
// definite refusal is tried again.
const recheck = day

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

// until is when the failed action may be tried again.
func (t *Trouble) until() time.Time {
	if t.Definite {
		return t.At.Add(recheck)
	}
	return t.At.Add(retryAfter(t.Count))
}

// jitter spreads the keys of a company over the days: after, moved by up to a
// tenth either way. The same key always gets the same answer, over restarts
// and reinstalls.
func jitter(after time.Duration, id string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(id))
	tenth := int64(after / 10)
	return after - time.Duration(tenth) + time.Duration(2*tenth*int64(h.Sum32()%1000)/1000)
}

// newest is the shortened id that people are shown for a rotation.
func (r *Rotation) newest() string {
	if r.New.ID != "" {
		return r.New.ID
	}
	return r.Old.ID
}

func short(id string) string { return credfile.Short(id) }
