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
	Unread   error    // a rotation of it may go on, and its journal or its files cannot be read now; nil when not

	Misplaced error // what says how AWS is reached has a mistake; nil when not

	Rotation *Rotation // nil when none goes on
	Shows    Shows     // what the files show of it; zero without a rotation
	Seen     *Seen     // what AWS last said; nil when it was never asked
	Trouble  *Trouble  // the last action failed; nil when it did not

	// Known in this pass only: all of them are found out again after a crash.
	Ready  bool // the preflight has passed
	Proven bool // the new key has been accepted everywhere

	// Known to the daemon only; zero when a person asks.
	Awake time.Time // when it started, or the machine woke from sleep
	// LastRotation is when keyd last made a key for this user, from the history.
	LastRotation time.Time

	ShownBy map[string]string // the first profile that shows a key, by the key's id

	Copies map[string]string // files that this process does not read, by the id of the key that each shows, too

	Ask Ask
}

// account is the one that AWS named, or "".
func (f *Facts) account() string {
	if f.Seen == nil {
		return ""
	}
	return f.Seen.Account
}

// owner tells users apart; "" before AWS has named one.
func (f *Facts) owner() string {
	if f.Seen == nil || f.Seen.User == "" {
		return ""
	}
	return f.Seen.Account + "/" + f.Seen.User
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
	Torn     int      // of Old: those that a power failure has left half old, half new
	Third    []string // profiles whose id is neither: a person changed it
	Gone     []string // profiles that are no longer there
	Away     string   // a file of it that is not there; "" when all are
	Doubt    error    // where some AWS readers find one of the two ids and keyd none; nil when nowhere
}

// Seen is what AWS said of a key, remembered over restarts in status.json. It
// is a cache: every action that could harm looks again first.
type Seen struct {
	At      time.Time     `json:"at,omitzero"`        // of ListAccessKeys, local clock
	Offset  time.Duration `json:"offset_ns,omitzero"` // server clock minus local clock
	Account string        `json:"account"`
	ARN     string        `json:"arn"`
	User    string        `json:"user"`
	UserID  string        `json:"user_id,omitzero"` // AIDA... for a user; "" when an older keyd has asked
	Root    bool          `json:"root,omitzero"`
	Keys    []SeenKey     `json:"keys"`
}

// SeenKey is one access key of the user, as ListAccessKeys shows it.
type SeenKey struct {
	ID      string    `json:"id"`
	Active  bool      `json:"active"`
	Status  string    `json:"status"`
	Created time.Time `json:"created,omitzero"`
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
	At       time.Time `json:"at,omitzero"`
	Count    int       `json:"count"`
	Why      string    `json:"why"`
	Hint     string    `json:"hint,omitzero"`
	Definite bool      `json:"definite,omitzero"` // waiting does not help: a person is needed
	Offline  bool      `json:"offline,omitzero"`  // no connection: DNS, dial or TLS failed

	Intercepted bool          `json:"intercepted,omitzero"` // Offline because TLS failed: something is there, and it is not AWS
	Lasted      time.Duration `json:"lasted_ns,omitzero"`   // since the first failure in a row, while the machine was on
}

// recheck is how often a key that nothing is due for is looked at again, and a
// definite refusal is tried again.
const recheck = day

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
