package journal

import (
	"cmp"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// Rotation is the journal of one rotation: everything about it that the files and
// AWS cannot answer. keyd writes it before each effect that it could otherwise not
// distinguish from someone else's, and erases it when the rotation is closed. Times
// are this machine's, in UTC. A rotation does not start while the clock is wrong by
// more than five minutes.
type Rotation struct {
	// Old is the pair being replaced. Its secret is set from the first swap until the
	// rotation is closed, so that every step before the deletion can be undone: keyd
	// needs it to put the pair back, and to recognise a pair that a power failure left
	// half old, half new. The journal of an older keyd has no secret in the overlap.
	Old       credfile.Key `json:"-"`
	New       credfile.Key `json:"-"`                // zero until CreateAccessKey has answered
	Session   Session      `json:"-"`                // signs calls to IAM where a policy asks for MFA; zero when none was opened, or it is over
	Account   string       `json:"account,omitzero"` // 12 digits
	User      string       `json:"user,omitzero"`
	ARN       string       `json:"arn,omitzero"`
	UserID    string       `json:"user_id,omitzero"`     // AIDA..., unchanged when the user is renamed or moved; "" when an older keyd wrote the journal
	Places    []Place      `json:"places,omitzero"`      // every place whose key the rotation replaces
	Links     []Link       `json:"links,omitzero"`       // the linked files that showed one of its pairs when the rotation began, or since
	RetireNow bool         `json:"end_overlap,omitzero"` // end the overlap now; a person asked for it
	DeleteNow bool         `json:"retire_now,omitzero"`  // end the overlap and the quarantine now; a person asked for it. An older keyd means the same by it

	// Where the old key works, according to STS, asked before the new key existed.
	// A disabled region refuses every key, with the same answer that it gives for a
	// new key that has not reached it yet. Endpoints in neither list were not asked.
	OpenRegions   []string `json:"regions,omitzero"` // accepted the old key, so they must accept the new key as well
	ClosedRegions []string `json:"closed,omitzero"`  // refused the old key, so keyd does not ask them about the new key

	Endpoints remote.Endpoints `json:"site,omitzero"` // where the rotation began: it continues only there, also when no profile is left to name the endpoints

	// Who began the rotation. Another installation finds this journal where a state
	// folder is shared or was copied. "" when an older keyd wrote the journal.
	Installation string `json:"installation,omitzero"` // see state.InstallationID
	Host         string `json:"host,omitzero"`         // for people only: host names change

	// The intent: once it is written, a new key may exist at AWS.
	IDsBefore      []string      `json:"before,omitzero"`           // all key ids of the user, listed before the call
	CreateSent     time.Time     `json:"sent,omitzero"`             // when CreateAccessKey was about to be sent
	ClockOffset    time.Duration `json:"offset_ns,omitzero"`        // server clock minus local clock at that time
	ClockWithin    time.Duration `json:"offset_within_ns,omitzero"` // how far ClockOffset may be off, in either direction; zero means unknown, see ClockUncertainty
	CreateAnswered time.Time     `json:"answered,omitzero"`         // when the call ended without a usable pair; zero while it is in flight

	Reconciled time.Time `json:"reconciled,omitzero"` // when the keys that appeared since the call were last judged; zero when only a person judges them
	JudgeAt    time.Time `json:"judge_at,omitzero"`   // when AWS's record of their uses can be believed, so that they are judged again

	// An orphan: a key from a call whose answer was lost, so no one has its secret.
	OrphanID          string    `json:"orphan,omitzero"`
	OrphanDeactivated time.Time `json:"orphan_off,omitzero"` // when keyd made it Inactive; zero before

	Created      time.Time `json:"created,omitzero"`       // when CreateAccessKey answered with the new pair
	Swapped      time.Time `json:"swapped,omitzero"`       // the last swap or mend: since then the files show the new id
	Validated    time.Time `json:"validated,omitzero"`     // when AWS first accepted the pair as it is on disk: the overlap starts
	ClockDoubted bool      `json:"clock_doubted,omitzero"` // the clock had been set back before Validated, which therefore says nothing: the waits restart when AWS agrees with the clock
	MendStarted  time.Time `json:"mending,omitzero"`       // set before the new pair is written back into a file that shows the old one again, until that write is validated
	Mends        int       `json:"mends,omitzero"`         // how often keyd has mended an old or a spoiled pair since the validation
	GiveUpReason string    `json:"failed,omitzero"`        // why the new key is given up; keyd puts the old pair back and deletes the new key

	UnusedSince       time.Time   `json:"unused_since,omitzero"` // since when no one but keyd had used the old key when the rotation began; zero when it was used, or that is unknown
	Described         bool        `json:"described,omitzero"`    // the new key is tagged for the console, or keyd may not tag it
	UseChecked        time.Time   `json:"use_read,omitzero"`     // when AWS was last asked about the use of the old key
	LastUse           *remote.Use `json:"used,omitzero"`         // the last use of the old key, as of then
	UseDenied         bool        `json:"use_denied,omitzero"`   // AWS refused to say it then
	UseNoCall         bool        `json:"use_no_call,omitzero"`  // with UseDenied: the IAM, which is not AWS's, does not know the question
	UseDays           []string    `json:"use_days,omitzero"`     // the days, in UTC, on which AWS has recorded a use of the old key since the swap, as 2026-11-23, oldest first; at most maxUseDays
	NewDead           time.Time   `json:"new_dead,omitzero"`     // when AWS last refused the new key after the files showed it: someone made it Inactive or deleted it; zero while it works
	DeactivateStarted time.Time   `json:"deactivating,omitzero"` // set before the call: from then on the old key may be Inactive
	Deactivated       time.Time   `json:"deactivated,omitzero"`  // the old key was seen Inactive and the new key still works: the quarantine starts
	Held              time.Time   `json:"held,omitzero"`         // when a person paused the rotation
	Retire            *Retirement `json:"retire,omitzero"`       // set when a person retires the old key: nothing takes its place
	StuckReason       string      `json:"stuck,omitzero"`        // why only a person can continue
	Suspects          []string    `json:"suspects,omitzero"`     // the key ids in question: they are judged again, or only a person can tell whose they are
	UseUnread         bool        `json:"use_unread,omitzero"`   // AWS does not let the user read whether the suspects were used
	Hooks             []HookState `json:"hooks,omitzero"`        // the hooks that were started in this rotation

	NeedsMFA bool `json:"mfa,omitzero"` // AWS denies without MFA what the rotation takes
	// SessionSigned is when a session that Old has opened last signed: AWS may count that as
	// a use of Old, which signs nothing else after the swap.
	SessionSigned time.Time `json:"session_signed,omitzero"`

	// Receipts are the evidence of changes that the history may not have yet: keyd may be
	// killed between a call and the line of the history. One that the history has is
	// dropped when the journal is read and written again.
	Receipts []remote.Receipt `json:"receipts,omitzero"`
}

// Place is one place that shows a key: one section of one file.
type Place struct {
	Path    string `json:"path"`
	Section string `json:"section"`
	Profile string `json:"profile"`
}

// Link is one linked file that shows a key.
type Link struct {
	Path string `json:"path"`
	Form string `json:"form,omitzero"` // as in keyd.ini
}

// HasLink reports whether the linked file at path is one of the rotation.
func (r *Rotation) HasLink(path string) bool {
	return slices.ContainsFunc(r.Links, func(l Link) bool { return l.Path == path })
}

// Profiles returns the names of the profiles in the rotation. When a person has
// dropped all of them, it returns the id of the old key instead.
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
const MaxClockOffset = 5 * time.Minute

// unknownClockWithin is the uncertainty of a ClockOffset whose journal does not tell
// it: half of the 30 s that a call may take, and half a second because AWS tells whole
// seconds.
const unknownClockWithin = 15*time.Second + 500*time.Millisecond

// ClockUncertainty returns how far ClockOffset may be off, in either direction. The
// slower the answer, the less it says about the clock: one that took 5 s may have been
// written at any moment of them.
func (r *Rotation) ClockUncertainty() time.Duration { return cmp.Or(r.ClockWithin, unknownClockWithin) }

// IsForeignTo reports whether another installation of keyd began the rotation.
// A journal or an installation without an id is foreign to no one.
func (r *Rotation) IsForeignTo(installation string) bool {
	return r.Installation != "" && installation != "" && r.Installation != installation
}

// CreateDeadline returns the latest moment at which CreateAccessKey can have taken
// effect, by the local clock.
func (r *Rotation) CreateDeadline() time.Time {
	switch latest := r.CreateSent.Add(requestLifetime); {
	case !r.Created.IsZero():
		if r.Created.Before(latest) {
			return r.Created
		}
		return latest
	case r.CreateAnswered.After(latest): // the machine slept in between
		return latest
	}
	if r.CreateAnswered.IsZero() {
		return r.CreateSent
	}
	return r.CreateAnswered
}

// HasFutureWaits reports whether a wait starts more than MaxClockOffset after now, or did
// so at the validation: the clock was ahead when it was recorded, or is behind now.
// ResetFutureWaits restarts those waits.
func (r *Rotation) HasFutureWaits(now time.Time) bool {
	return r.ClockDoubted || slices.ContainsFunc(r.waitStarts(), func(began *time.Time) bool { return began.Sub(now) > MaxClockOffset })
}

// IsCallInFuture reports whether the clock shows a time more than MaxClockOffset before the
// call whose answer was lost: it was ahead at the call, or is behind now. That stays so until
// the time of the call has come, because the time tells which key the call made: it is never
// corrected.
func (r *Rotation) IsCallInFuture(now time.Time) bool {
	return r.New.ID == "" && r.CreateSent.Sub(now) > MaxClockOffset
}

// ResetFutureWaits restarts every wait that starts after now. Call it only when the
// clock agrees with AWS's.
func (r *Rotation) ResetFutureWaits(now time.Time) {
	if r.Reconciled.After(now) {
		r.JudgeAt = time.Time{}
	}
	for _, began := range r.waitStarts() {
		if began.After(now) {
			*began = now
		}
	}
	if r.ClockDoubted {
		r.ClockDoubted, r.Swapped, r.Validated = false, now, now
	}
}

// LastStep returns when the rotation last made progress, as far as its journal says.
// Questions to AWS and failed attempts do not count.
func (r *Rotation) LastStep() (last time.Time) {
	for _, at := range []time.Time{r.CreateSent, r.CreateAnswered, r.Reconciled, r.OrphanDeactivated, r.Created, r.Swapped, r.Validated, r.Deactivated} {
		if at.After(last) {
			last = at
		}
	}
	if r.Retire != nil && r.Retire.Deleted.After(last) {
		last = r.Retire.Deleted
	}
	return last
}

// waitStarts returns the times from which the overlap and the quarantines count.
func (r *Rotation) waitStarts() []*time.Time {
	return []*time.Time{&r.Swapped, &r.Validated, &r.Deactivated, &r.OrphanDeactivated, &r.Reconciled}
}

// IsStuck reports whether only a person can tell what a CreateAccessKey call with a
// lost answer did.
func (r *Rotation) IsStuck() bool { return r.New.ID == "" && r.StuckReason != "" }

// Doubts reports whether keyd cannot tell, or only believes, that the lost call made the
// key id: a person may say so.
func (r *Rotation) Doubts(id string) bool {
	return r.New.ID == "" && id != "" && (id == r.OrphanID || slices.Contains(r.Suspects, id))
}

// ResetReconcile makes keyd find out again what the call with the lost answer did.
// It also erases the time of the call, and without that keyd believes no key to be
// its own.
func (r *Rotation) ResetReconcile() {
	r.StuckReason, r.Suspects, r.UseUnread, r.CreateSent, r.CreateAnswered = "", nil, false, time.Time{}, time.Time{}
	r.Reconciled, r.JudgeAt, r.OrphanID, r.OrphanDeactivated = time.Time{}, time.Time{}, "", time.Time{}
}

// NewestID returns the full id of the newest key of the rotation: the new key's,
// or the old key's before a new one exists.
func (r *Rotation) NewestID() string {
	if r.New.ID != "" {
		return r.New.ID
	}
	return r.Old.ID
}

// IsSameAttempt reports whether other is a journal of the same CreateAccessKey call,
// in the same phase. Where the locks of a shared folder exclude no one, another keyd may
// have written its own journal since.
func (r *Rotation) IsSameAttempt(other *Rotation) bool {
	return r.New.ID == other.New.ID && r.CreateSent.Equal(other.CreateSent) && r.Installation == other.Installation
}

// BelongsTo reports whether who is the user of the rotation. The unique user id
// decides, because the ARN changes when the user is renamed or moved to another
// path. The journal of an older keyd has no user id; then the user name
// decides, which is unique in an account.
// Source: IAM user guide, "IAM identifiers".
func (r *Rotation) BelongsTo(who remote.Identity) bool {
	switch {
	case who.Account != r.Account:
		return false
	case r.UserID != "":
		return who.UserID == r.UserID
	}
	return who.ARN == r.ARN || who.IsUser && who.User == r.User
}

// ForgetUse makes keyd ask AWS again when the old key was last used: while a
// rotation is held, the old key may be used. The days in UseDays stay.
func (r *Rotation) ForgetUse() {
	r.UseChecked, r.LastUse, r.UseDenied, r.UseNoCall = time.Time{}, nil, false, false
}

// maxUseDays bounds UseDays.
const maxUseDays = 100

// NoteUse records what AWS said at now, by the local clock, about the last use of the old
// key, by AWS's clock. nil means that AWS has recorded none; denied, that it refuses to
// say. The diary has the days by AWS's clock: this machine knows that only roughly. A last use
// only ever moves forward, so an earlier answer comes from a server that lags, and says nothing.
func (r *Rotation) NoteUse(use *remote.Use, denied bool, now time.Time) {
	r.UseChecked, r.UseDenied = now, denied
	if denied { // what AWS has said before still holds
		return
	}
	if use == nil || r.LastUse != nil && r.LastUse.At.After(use.At.Add(-r.ClockOffset)) {
		return
	}
	r.LastUse = &remote.Use{At: use.At.Add(-r.ClockOffset), Service: use.Service, Region: use.Region}
	if !r.UsedByOthers() {
		return
	}
	day := use.At.UTC().Format(time.DateOnly)
	i, known := slices.BinarySearch(r.UseDays, day)
	if known {
		return
	}
	r.UseDays = slices.Insert(r.UseDays, i, day)
	r.UseDays = r.UseDays[max(len(r.UseDays)-maxUseDays, 0):]
}

// UsedByOthers reports whether the last use of the old key came after the files showed
// the new one. keyd signs nothing with the old key from then on, so it was someone else:
// but for a session that the old key has opened, whose calls to IAM are keyd's own.
func (r *Rotation) UsedByOthers() bool {
	if r.LastUse == nil || r.Validated.IsZero() || !r.LastUse.At.After(r.Validated) {
		return false
	}
	own := r.LastUse.Service == "iam" || r.LastUse.Service == "sts"
	return !own || r.LastUse.At.After(r.SessionSigned.Add(time.Minute))
}

// MarkValidated records that the files show the new pair durably. The overlap
// begins with the first validation. A clock that shows a time before the creation of the
// new key has been set back since, and cannot date that start: see ClockDoubted.
func (r *Rotation) MarkValidated(now time.Time) {
	if r.Swapped.IsZero() || r.Swapped.Before(r.MendStarted) { // keyd was killed between the write and the journal
		r.Swapped = now
	}
	if r.Validated.IsZero() {
		r.Validated, r.ClockDoubted = now, r.Created.Sub(now) > MaxClockOffset
	}
	r.MendStarted = time.Time{}
}
