package decide

import (
	"hash/fnv"
	"slices"
	"time"

	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// Facts is everything that Next may know about one access key.
type Facts struct {
	ID          string   // the key id in the files; during a rotation, the old id
	Profiles    []string // the names of the profiles that show it, in file order
	SkipReason  string   // why there is nothing to rotate; "" when there may be something
	Unreadable  *Unread  // set when a long-term key is there and the files do not allow to rotate it
	RotationErr error    // set when the key may be in a rotation whose journal or files cannot be read now

	EndpointErr    error  // set when the settings that locate AWS contain a mistake
	CustomEndpoint string // the URLs that stand in for AWS; "" for AWS itself

	Rotation  *journal.Rotation // the rotation in progress; nil when there is none
	Placement Placement         // what the files show of the rotation; zero without one
	Seen      *Seen             // what AWS last said; nil when AWS was never asked
	Use       *KeyUse           // what is known about the use of the key at rest; nil when AWS was never asked
	Failure   *Failure          // the failure of the last action; nil when it succeeded

	MFA MFA // how the codes are had that a policy may ask for

	Pending *Pending // the action that has begun and continues later; nil when none has

	// Set on a machine on which keyd has never validated a rotation, while the first one
	// is in progress.
	FirstRotation *FirstRotation

	// Set in this pass only. After a crash, keyd finds both out again.
	PreflightDone bool // the preflight has passed
	Proven        bool // AWS has accepted the new key everywhere
	JustClosed    bool // a rotation ended with this key as its new key, or a retirement with this key kept
	Watched       bool // AWS was asked whether the new key still works

	HookRuns   string          // the hook that this process is running for the rotation; "" when none
	HooksTried map[string]bool // the hooks that have failed in this pass

	// Keys is how many keys the files hold that keyd rotates.
	Keys int

	// AwakeSince is when the daemon started or the machine last woke from sleep. Set
	// only in the daemon loop; zero in a manual pass.
	AwakeSince time.Time
	// LastRotation is when keyd last made a key for this user, from the history.
	// The zero time means not within the last day.
	LastRotation time.Time

	// RetiredAt is when keyd deleted the key because a person had retired it, from the
	// history; zero when it did not.
	RetiredAt time.Time

	ShownBy map[string]string // for each key id in the files, the first profile that shows it

	MadeHere map[string]bool // the ids of keys that this keyd made, from the history

	// Replaces is the key that this one has replaced, by the history of this keyd, which has
	// not deleted it; "" for none. At rest, the journal that would end it is gone.
	Replaces string

	Copies map[string]string // for each key id, a file that shows it and that this process does not read

	Absent      string   // a file that does not exist now, and that showed the key at rest; "" when there is none
	Astray      []Astray // the linked files that show the key, or may show it, and that keyd cannot keep up to date now
	CopiesFound *Copies  // where else on this machine the key stands; nil when it was not searched for

	Options Options // what the person who started this pass asked for

	Installation string // the id of this installation of keyd; "" while it has none
	Host         string // the name of this machine, for people; "" when it has none
}

// Pending is an action that has begun, and that continues at a later time.
type Pending struct {
	Do    Do
	Until time.Time
}

// FirstRotation is the rotation that goes alone on a machine on which keyd has never
// validated one.
type FirstRotation struct {
	Profile string    // the first profile of its key
	Until   time.Time // when it continues, at the latest
	Waits   bool      // it continues in a later pass
}

// Unread is why the files do not allow a key to be rotated.
type Unread struct {
	Why  string   // with the file and the line that is wrong
	Hint string   // what to do in the file
	IDs  []string // of the keys that it is about, as far as the files tell
}

// KnownAccount returns the account id that AWS named, or "" before AWS was asked.
func (f *Facts) KnownAccount() string {
	if f.Seen == nil {
		return ""
	}
	return f.Seen.Account
}

// saidBy returns who said what is known of the key, as the end of a sentence; "" for
// AWS itself.
func (f *Facts) saidBy() string {
	if f.CustomEndpoint == "" {
		return ""
	}
	return ", says " + f.CustomEndpoint
}

// OwnerID identifies the IAM user of the key as "account/user". It returns ""
// before AWS has named the user.
func (f *Facts) OwnerID() string {
	if f.Seen == nil || f.Seen.User == "" {
		return ""
	}
	return f.Seen.Account + "/" + f.Seen.User
}

// Options are what a person asks of a pass, beyond what is due. The daemon uses
// the zero Options.
type Options struct {
	Manual    bool // a person started the pass: do not wait for the next retry or re-check
	Hurry     bool // write a new key into the files however young it is, if AWS accepts it
	Force     bool // replace the key even if it is young
	RetireNow bool // end the overlap now; the proof and the quarantine remain
	DeleteNow bool // end the overlap and the quarantine now; the proof remains
	Retry     bool // a person asked the daemon to try again now (SIGHUP): do not wait for the next retry
}

// Placement is what the places of a rotation show now.
type Placement struct {
	Old, New  int      // number of profiles that show the old id, and the new id
	Torn      int      // how many of Old hold a pair that an interrupted write left half old, half new, or that is spoiled
	Spoiled   bool     // one of these has the new id and a secret that is not its own
	Foreign   []string // profiles with an id that is neither old nor new: a person changed it
	Missing   []string // profiles that no longer exist
	Unmounted string   // a file of the rotation that does not exist, and whose profile no other file shows; "" when there is none
	LinksOld  int      // number of linked files that show the old pair
	LinksNew  int      // number of linked files that show the new pair
	Ambiguous error    // set when some AWS tools read one of the two ids in a place where keyd reads none
}

// Seen is what AWS said about a key. memory.json keeps it across restarts. It is
// only a cache: keyd asks AWS again before every action that could do harm.
type Seen struct {
	At           time.Time     `json:"at,omitzero"`               // when ListAccessKeys answered, by the local clock
	Offset       time.Duration `json:"offset_ns,omitzero"`        // server clock minus local clock
	OffsetWithin time.Duration `json:"offset_within_ns,omitzero"` // how far Offset may be off, in either direction; zero when unknown
	Account      string        `json:"account"`
	ARN          string        `json:"arn"`
	User         string        `json:"user"`
	UserID       string        `json:"user_id,omitzero"` // AIDA... for a user; "" when an older keyd recorded it
	Root         bool          `json:"root,omitzero"`
	Keys         []ListedKey   `json:"keys"`

	// A policy asks for MFA before AWS lists keys. Then Keys is what was listed before.
	Guarded  time.Time `json:"guarded,omitzero"`     // when AWS last denied the list for that; zero while it does not
	Devices  []string  `json:"mfa_devices,omitzero"` // the serial numbers of the user's MFA devices; nil when they are not known
	Estimate *Estimate `json:"estimate,omitzero"`    // the age of the key, as far as something else tells it
}

// ListedKey is one access key of the user, as ListAccessKeys returns it.
type ListedKey struct {
	ID      string      `json:"id"`
	Active  bool        `json:"active"`
	Status  string      `json:"status"`
	Created time.Time   `json:"created,omitzero"`
	Since   time.Time   `json:"since,omitzero"` // when a look first listed it, by the local clock; zero when an older keyd recorded it
	LastUse *remote.Use `json:"used,omitzero"`  // set only for a second key that occupies the slot for a new one
}

// MadeBy returns the latest time at which the key can have been made, by AWS's clock: its
// creation, or where an IAM lists no dates, when it was first listed. The zero time means that
// it is not known.
func (k *ListedKey) MadeBy() time.Time {
	if k.Created.IsZero() {
		return k.Since
	}
	return k.Created
}

// FindKey returns the listed key with this id, or nil.
func (s *Seen) FindKey(id string) *ListedKey {
	i := slices.IndexFunc(s.Keys, func(k ListedKey) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Keys[i]
}

// FindOther returns the first listed key whose id is not id, or nil.
func (s *Seen) FindOther(id string) *ListedKey {
	i := slices.IndexFunc(s.Keys, func(k ListedKey) bool { return k.ID != id })
	if i < 0 {
		return nil
	}
	return &s.Keys[i]
}

// Failure is the last failure of an action. Repeated failures of one action are
// counted.
type Failure struct {
	Do          Do        `json:"do"`
	At          time.Time `json:"at,omitzero"` // of the last failure
	Count       int       `json:"count"`       // failures in a row
	Why         string    `json:"why"`
	Short       string    `json:"short,omitzero"` // Why for one cell of a table; "" when an older keyd recorded it
	Hint        string    `json:"hint,omitzero"`
	NeedsPerson bool      `json:"definite,omitzero"` // waiting does not help; a person has to act
	Offline     bool      `json:"offline,omitzero"`  // nothing of the partition could be reached in that pass

	Intercepted bool          `json:"intercepted,omitzero"` // something answered that is not AWS: a proxy, a captive portal, TLS of another
	Lasted      time.Duration `json:"lasted_ns,omitzero"`   // time since the first failure in a row, not counting time asleep or off

	// Denied is set when a policy denies the action, perhaps only here or now: a person
	// is called after denials on two days. See Deny.
	Denied      bool        `json:"denied,omitzero"`
	Denial      uint8       `json:"denial,omitzero"`       // the kind of the policy, as package iam numbers it
	DeniedSince time.Time   `json:"denied_since,omitzero"` // the first denial in a row
	DeniedAt    []time.Time `json:"denied_at,omitzero"`    // the last denials, oldest first
	Hidden      *Failure    `json:"hidden,omitzero"`       // the denial of another action, which counts again once this one succeeds
}

// RecheckEvery is how often keyd looks again at a key that waits for something or for a
// person, and how often it retries an action that AWS has definitely refused. A young
// key that waits for nothing is not looked at again: keyd's calls count as its use.
const RecheckEvery = settings.Day

// AddJitter moves after by up to a tenth in either direction, so that a company's
// keys do not all become due on one day, and so that one key is not due in the same
// second on two machines with copies of one file. The same key id on the same
// installation always gets the same result, across restarts and updates.
func AddJitter(after time.Duration, id, installation string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(id))
	h.Write([]byte(installation))
	tenth := int64(after / 10)
	return after - time.Duration(tenth) + time.Duration(2*tenth*int64(h.Sum32()%1000)/1000)
}

// CopyErr returns a CopyError when a known foreign file also shows the key,
// and nil otherwise.
func (f *Facts) CopyErr(id string) error {
	if path := f.Copies[id]; path != "" {
		return &CopyError{id, path}
	}
	return nil
}
