package daemon

import (
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// Rotation is the journal of one rotation: what the world cannot tell. It is
// written before each effect that could otherwise not be told apart from
// somebody else's, and erased when the rotation is closed. Times are this
// machine's, in UTC; a clock that is wrong by more than five minutes stops a
// rotation before it begins.
type Rotation struct {
	// The old secret is here while a file is written that shows the old key,
	// from before the write until what is on disk is validated: to put the pair
	// back, and to know again what a power failure has left half old, half new.
	Old       credfile.Key `json:"-"`
	New       credfile.Key `json:"-"` // zero until CreateAccessKey has answered
	Account   string       `json:"account,omitzero"`
	User      string       `json:"user,omitzero"`
	ARN       string       `json:"arn,omitzero"`
	UserID    string       `json:"user_id,omitzero"` // AIDA...: stays the same when the user is renamed or moved; "" from an older keyd
	Places    []Place      `json:"places,omitzero"`
	RetireNow bool         `json:"retire_now,omitzero"` // skip overlap and quarantine, told by a person

	// Where the old key works, in the words of STS, asked before the new one
	// existed: a region that is off refuses any key, with the very answer that a
	// key gets which has not arrived yet. What is in neither was not asked.
	Regions []string `json:"regions,omitzero"` // they accept the old key: the new one must be accepted, too
	Closed  []string `json:"closed,omitzero"`  // they refuse the old key, and are not asked about the new one

	Site iam.Site `json:"site,omitzero"` // where the calls go when no profile is left that says so

	// The intent: from here on a key may exist at AWS.
	Before   []string      `json:"before,omitzero"`    // every key id of the user, listed before the call
	Sent     time.Time     `json:"sent,omitzero"`      // when CreateAccessKey was about to be sent
	Offset   time.Duration `json:"offset_ns,omitzero"` // server clock minus local clock, then
	Answered time.Time     `json:"answered,omitzero"`  // when the call ended without a usable pair; zero while in flight

	// A key that appeared from a lost answer, and nobody has its secret.
	Orphan      string    `json:"orphan,omitzero"`
	OrphanOff   time.Time `json:"orphan_off,omitzero"`   // when it was made Inactive
	OrphanExact bool      `json:"orphan_exact,omitzero"` // created within seconds of Sent: no reasonable doubt; or a person wants it gone now

	Created   time.Time `json:"created,omitzero"`
	Swapped   time.Time `json:"swapped,omitzero"` // the last swap or mend: the files show the new id since
	Validated time.Time `json:"validated,omitzero"`
	Mending   time.Time `json:"mending,omitzero"` // about to put the new pair back into a file that shows the old one again: until that is validated, too
	Failed    string    `json:"failed,omitzero"`  // why the new key is to be given up: put the old pair back, delete the new key

	Described    bool      `json:"described,omitzero"` // tagged for the console, or not allowed to
	UseRead      time.Time `json:"use_read,omitzero"`
	Used         *Use      `json:"used,omitzero"`         // of the old key after the swap
	Deactivating time.Time `json:"deactivating,omitzero"` // about to deactivate: the old key may be Inactive from here on
	Deactivated  time.Time `json:"deactivated,omitzero"`  // seen Inactive with the new key still working: quarantine begins
	Held         time.Time `json:"held,omitzero"`         // a person has paused the rotation
	Stuck        string    `json:"stuck,omitzero"`        // only a person can go on; why
	Suspects     []string  `json:"suspects,omitzero"`     // the keys that Stuck is about: whose they are, only a person can tell
}

// Place is where a key stands: one section of one file.
type Place struct {
	Path    string `json:"path"`
	Section string `json:"section"`
	Profile string `json:"profile"`
}

// Use is when, for what and where AWS saw a key used last.
// Source: IAM API reference, AccessKeyLastUsed; recorded at most every 15
// minutes and shown with a delay of minutes to hours.
type Use struct {
	At      time.Time `json:"at,omitzero"` // zero: never
	Service string    `json:"service"`
	Region  string    `json:"region"`
}

// Profiles returns the names of the profiles that the rotation is about. When a
// person has let every one of them go, it is called by the id of its old key.
func (r *Rotation) Profiles() []string {
	if len(r.Places) == 0 {
		return []string{r.Old.ID}
	}
	var names []string
	for _, p := range r.Places {
		names = append(names, p.Profile)
	}
	return names
}

// MaxClockOffset is how far this machine's clock may differ from AWS's. AWS
// refuses signatures that are off by 15 minutes or more.
const maxClockOff = 5 * time.Minute

// ended is when CreateAccessKey was over, at the latest.
func (r *Rotation) ended() time.Time {
	switch latest := r.Sent.Add(requestLife); {
	case !r.Created.IsZero():
		if r.Created.Before(latest) {
			return r.Created
		}
		return latest
	case r.Answered.After(latest): // the machine slept meanwhile
		return latest
	}
	if r.Answered.IsZero() {
		return r.Sent
	}
	return r.Answered
}

// ahead reports whether a wait began at a moment that is yet to come.
func (r *Rotation) ahead(now time.Time) bool {
	return slices.ContainsFunc(r.waits(), func(began *time.Time) bool { return began.Sub(now) > maxClockOff })
}

// redate lets every wait begin now that began in the future. Only for a clock
// that AWS agrees with.
func (r *Rotation) redate(now time.Time) {
	for _, began := range r.waits() {
		if began.After(now) {
			*began = now
		}
	}
}

// waits are the moments that the overlap and the quarantines are counted from.
func (r *Rotation) waits() []*time.Time {
	return []*time.Time{&r.Swapped, &r.Validated, &r.Deactivated, &r.OrphanOff}
}

// stuck reports whether nobody but a person can tell what came of the call
// whose answer was lost.
func (r *Rotation) stuck() bool { return r.New.ID == "" && r.Stuck != "" }

// askAgain lets keyd find out once more what came of it. Without a window in
// time it believes no key to be its own.
func (r *Rotation) askAgain() {
	r.Stuck, r.Suspects, r.Sent, r.Answered = "", nil, time.Time{}, time.Time{}
}
