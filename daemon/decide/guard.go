package decide

import (
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// A guard is a policy that denies a user nearly everything without MFA, as AWS's guide
// proposes. Behind one, keyd can neither list nor change keys: not even their age is known.
// It opens a session with a code, which somebody has to give, or mfa_process. One session
// lasts for 36 hours and does all that its rotation needs, so a rotation takes one code
// where the overlap fits into that, and another one for the deactivation otherwise. The
// deletion of the old key never asks for a code: it rides with the next one, since a key that
// is Inactive does no harm. While a code is needed and nobody gives one, keyd does nothing
// but say so.

// MFA is what is known about the codes for one key.
type MFA struct {
	Serial       string    // the device that keyd.ini or the profile names; "" when neither does
	CanAsk       bool      // in this pass somebody, or mfa_process, gives a code when asked
	AtHand       bool      // a code was given with the command
	Looked       bool      // this pass has asked AWS which devices there are
	SessionUntil time.Time // until when a session can sign; zero when there is none
}

// Estimate is what is known of the age of a key that AWS does not list: it was created
// between Oldest and Newest, of which each may be unknown.
type Estimate struct {
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	By     string    `json:"by"` // what says so, for people
}

// isGuarded reports whether AWS denies what the rotation of the key takes, without MFA.
func (f *Facts) isGuarded() bool {
	return f.Seen != nil && !f.Seen.Guarded.IsZero() || f.Rotation != nil && f.Rotation.NeedsMFA
}

// mayControl reports whether keys can be listed and changed now, as far as MFA is concerned.
func (f *Facts) mayControl(now time.Time) bool {
	return !f.isGuarded() || now.Before(f.MFA.SessionUntil)
}

// Device returns the serial number of the device whose code is asked for, or "": the one
// that the settings name, or else the first of the user's that shows codes.
func (f *Facts) Device() string {
	if f.MFA.Serial != "" {
		return f.MFA.Serial
	}
	if f.Seen == nil {
		return ""
	}
	i := slices.IndexFunc(f.Seen.Devices, remote.ShowsCodes)
	if i < 0 {
		return ""
	}
	return f.Seen.Devices[i]
}

// unlessGuarded returns d, or what comes before it where its action takes a session with
// MFA and there is none.
func unlessGuarded(f Facts, s settings.Settings, now time.Time, d Decision) Decision {
	if f.mayControl(now) || !ActionOf(d.Do).NeedsMFA || now.Before(d.Until) {
		return d
	}
	return askForCode(f, s, now, d)
}

// askForCode returns the decision to open a session for d, or to wait for a person who
// gives a code.
func askForCode(f Facts, s settings.Settings, now time.Time, d Decision) Decision {
	rotate := hint.Command("keyd rotate", f.Profiles[0])
	device, later := f.Device(), now.Add(RecheckEvery)
	switch {
	case device == "" && f.Seen != nil && len(f.Seen.Devices) > 0, device != "" && !remote.ShowsCodes(device):
		return BlockUntil(later, fmt.Sprintf("%s; AWS asks for MFA, and %s is a security key or passkey: STS takes only codes of six digits", d.Why, firstOf(device, f.devices())),
			"add a virtual MFA device for the command line (console, Security credentials; a user may have eight), then: "+rotate+"; or sign in with aws login where no key is needed").InShort("its MFA device has no codes")
	case device == "":
		return BlockUntil(later, d.Why+"; AWS asks for MFA, and no MFA device of the user is known",
			"add a virtual MFA device (console, Security credentials), or name the one there is by mfa_serial in ~/.aws/config; then: "+rotate).InShort("no MFA device is known")
	case f.MFA.CanAsk:
		open := actNow(DoOpenSession, d.State, d.Why+"; AWS asks for MFA first")
		open.Heals = d.Heals
		return orWaitForRetry(f, s, now, open)
	}
	if held, ok := waitForRetry(f, s, now); ok && f.Failure.Do == DoOpenSession {
		return held
	}
	if f.Options.Manual { // there is no terminal
		rotate = "add --mfa-code with the six digits that the device shows, or run on a terminal, which asks for them: " + rotate
	}
	return BlockUntil(later, d.Why+"; it waits for an MFA code", rotate).InShort("waits for an MFA code")
}

// lacksDevice reports whether a person may have added a device that shows codes since AWS
// was asked.
func (f *Facts) lacksDevice(now time.Time) bool {
	return !f.mayControl(now) && !f.MFA.Looked && (f.Device() == "" || !remote.ShowsCodes(f.Device()))
}

// devices returns the serial numbers of the user's MFA devices, as far as they are known.
func (f *Facts) devices() []string {
	if f.Seen == nil {
		return nil
	}
	return f.Seen.Devices
}

func firstOf(one string, all []string) string {
	if one != "" || len(all) == 0 {
		return one
	}
	return all[0]
}

// decideGuarded decides about a key at rest that AWS does not list, because there is no
// session. A key is due when it may be: an unknown age counts as too old.
func decideGuarded(f Facts, s settings.Settings, now time.Time) Decision {
	after := AddJitter(s.RotateAfterFor(f.Profiles), f.ID, f.Installation)
	oldest, words := f.estimateAge(now)
	why := words
	switch due := oldest.Add(after); {
	case !f.Options.Force && !oldest.IsZero() && now.Before(due):
		return WaitUntil(StateOK, due, fmt.Sprintf("%s, replaced at %s", words, FormatAge(after))).InShort("AWS tells no age: MFA")
	case now.Sub(f.Seen.Guarded).Abs() >= RecheckEvery && !f.Options.Force:
		return actNow(DoLook, StateDue, words+": asking AWS whether it still asks for MFA")
	case f.Options.Force:
		why = "to be replaced: " + words
	}
	if err := f.CopyErr(f.ID); err != nil {
		return BlockForCopy(err, now)
	}
	if d, ok := blockForGone(f, now); ok {
		return d
	}
	if d, ok := BlockForLinks(f, now); ok {
		return d
	}
	if again := f.LastRotation.Add(settings.Day); now.Before(again) && !f.Options.Manual {
		return WaitUntil(StateDue, again, fmt.Sprintf("a key was made for %s %s: never two within a day", f.Seen.User, formatAgo(f.LastRotation, now))).InShort("only one new key a day")
	}
	d := askForCode(f, s, now, actNow(DoPreflight, StateDue, why))
	if d.Do == DoBlock {
		d.Until = f.Seen.Guarded.Add(RecheckEvery)
	}
	return d
}

// estimateAge returns when the key was created at the earliest, the zero time when that is
// not known, and its age in words that say how far they can be trusted.
func (f *Facts) estimateAge(now time.Time) (oldest time.Time, words string) {
	short := credfile.Short(f.ID)
	if key := f.Seen.FindKey(f.ID); key != nil && !key.Created.IsZero() { // AWS has said so before
		at := key.Created.Add(-f.Seen.Offset)
		return at, fmt.Sprintf("%s is %s old", short, FormatAge(now.Sub(at)))
	}
	e := f.Seen.Estimate
	switch {
	case e == nil || e.Oldest.IsZero() && e.Newest.IsZero():
		return time.Time{}, "the age of " + short + " is not known: AWS tells it only with MFA"
	case e.Oldest.Equal(e.Newest):
		return e.Oldest, fmt.Sprintf("%s is about %s old, estimated by %s", short, FormatAge(now.Sub(e.Oldest)), e.By)
	case e.Oldest.IsZero():
		return e.Oldest, fmt.Sprintf("the age of %s is not known, at least %s, estimated by %s: AWS tells it only with MFA", short, FormatAge(now.Sub(e.Newest)), e.By)
	case e.Newest.IsZero():
		return e.Oldest, fmt.Sprintf("%s is at most %s old, estimated by %s", short, FormatAge(now.Sub(e.Oldest)), e.By)
	}
	return e.Oldest, fmt.Sprintf("%s is between %s and %s old, estimated by %s", short, FormatAge(now.Sub(e.Newest)), FormatAge(now.Sub(e.Oldest)), e.By)
}

// decideRiding decides about an old key that is Inactive and may be deleted, for which there
// is no session. It waits for the code of the next rotation, or for one that comes anyway.
func decideRiding(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	old, next := credfile.Short(r.Old.ID), credfile.Short(r.New.ID)
	after := AddJitter(s.RotateAfterFor(f.Profiles), r.New.ID, f.Installation)
	age, due := now.Sub(r.Created), r.Created.Add(after)
	rides := fmt.Sprintf("%s is inactive, and is deleted with the next MFA code", old)
	d := actNow(DoDelete, StateQuarantine, rides)
	switch {
	case r.IsRetirement() || f.MFA.AtHand:
	case now.Before(due) && !f.Options.Force:
		return WaitUntil(StateQuarantine, due, fmt.Sprintf("%s; %s is %s old, replaced at %s", rides, next, FormatAge(age), FormatAge(after))).InShort("deleted with the next code")
	default:
		d.State, d.Why = StateDue, fmt.Sprintf("%s is %s old, and %s is deleted first", next, FormatAge(age), old)
	}
	return askForCode(f, s, now, d)
}
