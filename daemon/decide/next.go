package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

const (
	// FreshFor is the maximum age of a look at AWS on which keyd may base an
	// action that could do harm.
	FreshFor = 2 * time.Minute
	// UndisturbedFor is how long the files must have shown the new id before keyd
	// deactivates the old key: by then, a program that still held the old text
	// would have written it back.
	UndisturbedFor = 10 * time.Minute
	// UseReportDelay is how much later AWS may report a use: an answer tells about the
	// uses before that. AWS documents no delay for GetAccessKeyLastUsed; for the access
	// advisor it says "within four hours".
	UseReportDelay = 4 * time.Hour
	// useGranularity is AWS's granularity: AWS records only the first of several
	// uses within 15 minutes. Source: IAM user guide, credential report.
	useGranularity = 15 * time.Minute
	// ReconcileAfter is how long a request may still take effect after its answer
	// was lost.
	ReconcileAfter = 15 * time.Second
)

// Next decides what to do with one key now. It is the whole policy of keyd, as a
// pure function. keyd calls it again after every action, with freshly gathered
// facts.
func Next(f Facts, s settings.Settings, now time.Time) Decision {
	return nameAction(unlessPending(f, unlessEndpointErr(f, unlessSettingsUnknown(s, unlessGuarded(f, s, now, decideKey(f, s, now))))))
}

// unlessPending returns d with the time at which its action continues.
func unlessPending(f Facts, d Decision) Decision {
	if f.Pending != nil && f.Pending.Do == d.Do && !d.EndsPass() {
		d.Until = f.Pending.Until
	}
	return d
}

// decideKey is Next without what overrides its decision in any phase.
func decideKey(f Facts, s settings.Settings, now time.Time) Decision {
	switch {
	case f.SkipReason != "":
		return Skip(f.SkipReason)
	case f.Unreadable != nil:
		return decideUnreadable(f, s)
	case f.RotationErr != nil: // the rotation may be in any phase
		return BlockUntil(time.Time{}, f.RotationErr.Error(), hint.Hint(f.RotationErr)).InShort("its journal is unreadable")
	case f.Rotation != nil && f.Rotation.IsRetirement():
		return unlessForeign(f, f.Rotation, s, now, decideRetirement(f, f.Rotation, s, now))
	case f.Rotation != nil:
		return unlessForeign(f, f.Rotation, s, now, decideRotation(f, f.Rotation, s, now))
	case !f.RetiredAt.IsZero():
		return Skip(retiredReason(f))
	case s.RotateAfterFor(f.Profiles) == settings.Never:
		return Skip(excludedText(f, s))
	}
	return decideIdle(f, s, now)
}

// excludedText says that a person has excluded a profile.
func excludedText(f Facts, s settings.Settings) string {
	return "excluded by rotate = never in " + s.ExcludingFile(f.Profiles)
}

// decideUnreadable decides about a long-term key that the files do not allow to rotate. A
// person has to change the files, or can exclude the profile.
func decideUnreadable(f Facts, s settings.Settings) Decision {
	if s.RotateAfterFor(f.Profiles) == settings.Never {
		return Skip(excludedText(f, s))
	}
	why := ""
	for _, id := range f.Unreadable.IDs {
		if why = NeverSignReason(id, "", s); why == "" {
			break
		}
	}
	if why != "" { // of every key
		return Skip(why)
	}
	return BlockUntil(time.Time{}, f.Unreadable.Why, f.Unreadable.Hint).InShort(shortPlace(f.Unreadable.Why))
}

// decideIdle decides about a key that is not being rotated.
func decideIdle(f Facts, s settings.Settings, now time.Time) Decision {
	if why := NeverSignReason(f.ID, f.KnownAccount(), s); why != "" {
		return Skip(why)
	}
	if d, held := waitForRetry(f, s, now); held {
		return d
	}
	if lookIsDue(f, now) {
		return actNow(DoLook, StateOK, "asking AWS whose key it is and how old it is")
	}
	seen := f.Seen
	key := seen.FindKey(f.ID)
	switch {
	case seen.Root:
		return Skip(describeRoot(f))
	case seen.User == "":
		return Skip("not the key of an IAM user: " + seen.ARN + f.saidBy())
	case !f.mayControl(now):
		return decideGuarded(f, s, now)
	case key == nil && lookIsStale(f, f.AwakeSince, now) && f.isGuarded(): // the session has just been opened
		return actNow(DoLook, StateDue, "asking AWS how old "+credfile.Short(f.ID)+" is")
	case key == nil && now.Sub(seen.At) >= unlistedRecheck:
		return actNow(DoLook, StateWaiting, "asking AWS again whether it lists "+credfile.Short(f.ID))
	case key == nil:
		return WaitUntil(StateWaiting, seen.At.Add(unlistedRecheck), fmt.Sprintf("IAM does not list %s among the keys of %s yet", credfile.Short(f.ID), seen.User)).InShort("AWS does not list it yet")
	}
	age := now.Add(seen.Offset).Sub(key.Created)
	due := key.Created.Add(AddJitter(s.RotateAfterFor(f.Profiles), f.ID, f.Installation)).Add(-seen.Offset)
	if other := seen.FindOther(f.ID); other != nil && f.leavesOld(other, s) && !f.Options.Force {
		if !stillBelieved(f, now) && lookIsStale(f, f.AwakeSince, now) {
			return actNow(DoLook, StateBlocked, "asking AWS whether "+credfile.Short(other.ID)+" is still there")
		}
		return blockOldLeft(f, other, now)
	}
	if now.Before(due) && !f.Options.Force {
		return WaitUntil(StateOK, due, fmt.Sprintf("%s old, replaced at %s", FormatAge(age), FormatAge(AddJitter(s.RotateAfterFor(f.Profiles), f.ID, f.Installation))))
	}
	return decideDue(f, s, now, age)
}

// describeRoot says why a root key is left alone. Stand-ins of AWS call every key one, so
// only AWS's own word is followed by AWS's own advice.
// Source: IAM user guide, "Root user best practices".
func describeRoot(f Facts) string {
	const never = ": keyd never touches it"
	if f.CustomEndpoint != "" {
		return f.CustomEndpoint + " says that this is the root key of account " + f.Seen.Account + never
	}
	return "root key of account " + f.Seen.Account + never + "; AWS advises deleting it"
}

// unlistedRecheck is how often keyd asks again whether IAM lists a key that works. The
// list lags by seconds, and only a key that was just created is missing from it: it is
// young.
const unlistedRecheck = 3 * time.Hour

// lookIsDue reports whether AWS has to be asked about a key at rest, whatever its age: AWS
// was never asked, its answer is marked as out of date, the last look failed, the clock has
// been set back since, or a person asks. A "no" is not believed for longer than a day.
func lookIsDue(f Facts, now time.Time) bool {
	seen := f.Seen
	if f.Failure != nil && f.Failure.Do == DoLook && !f.Failure.Denied { // and it is time to try again: what was known before may be wrong
		return true
	}
	if seen == nil {
		return true
	}
	asked := f.lookedAt(now)
	if asked.IsZero() || asked.Sub(now) > journal.MaxClockOffset {
		return true
	}
	old := now.Sub(asked)
	return f.Options.Manual && (old >= FreshFor || f.lacksDevice(now)) || (seen.Root || seen.User == "") && old >= RecheckEvery
}

// lookedAt returns when AWS was last looked at: when it last listed the keys or, as long as
// a policy asks for MFA and there is no session, when it last said so.
func (f *Facts) lookedAt(now time.Time) time.Time {
	switch {
	case f.Seen == nil:
		return time.Time{}
	case !f.mayControl(now) && f.Seen.Guarded.After(f.Seen.At):
		return f.Seen.Guarded
	}
	return f.Seen.At
}

// decideDue decides about a key that is due, or that a person wants replaced:
// keyd replaces it now unless something is in the way.
func decideDue(f Facts, s settings.Settings, now time.Time, age time.Duration) Decision {
	if d, ok := blockUnused(f, s, now, age); ok && now.Before(d.Until) {
		return d
	}
	if f.JustClosed && !f.Options.Force && !f.isGuarded() { // AWS may still count the key that was deleted a moment ago
		return WaitUntil(StateDue, now.Add(UndisturbedFor), describeAge(f.ID, age)+", and the rotation before has just ended").InShort("a rotation just ended")
	}
	d, ok := checkObstacles(f, s, now, age)
	switch {
	case ok && (!d.EndsPass() || stillBelieved(f, now)):
		return d
	case lookIsStale(f, f.AwakeSince, now):
		return actNow(DoLook, StateDue, describeAge(f.ID, age))
	case ok:
		return d
	case !f.PreflightDone:
		return actNow(DoPreflight, StateDue, describeAge(f.ID, age)+": checking that it can be replaced")
	}
	return actNow(DoCreate, StateDue, describeDue(f, s, now, age))
}

// stillBelieved reports whether AWS's last answer is recent enough to keep leaving a key
// alone. Therefore a key that waits costs no call before its time, whatever wakes the
// pass. A person who asks gets a fresh look.
func stillBelieved(f Facts, now time.Time) bool {
	if f.Seen != nil && f.Seen.Offset.Abs() > journal.MaxClockOffset && f.AwakeSince.After(f.Seen.At) { // perhaps the clock was set
		return false
	}
	return f.Seen != nil && !f.Options.Manual && !f.Seen.At.After(now) && now.Sub(f.Seen.At) < RecheckEvery
}

// recheckAt returns when keyd looks again at a key that waits because of what AWS said.
func recheckAt(f Facts, now time.Time) time.Time {
	if f.Seen == nil || f.Seen.At.After(now) || now.Sub(f.Seen.At) >= RecheckEvery {
		return now.Add(RecheckEvery)
	}
	return f.Seen.At.Add(RecheckEvery)
}

// checkObstacles returns what is in the way of a new key, if anything is.
func checkObstacles(f Facts, s settings.Settings, now time.Time, age time.Duration) (Decision, bool) {
	if d, off := checkClock(f, now); off {
		return d, true
	}
	if err := f.CopyErr(f.ID); err != nil {
		return BlockForCopy(err, now), true
	}
	if d, ok := blockForGone(f, now); ok {
		return d, true
	}
	if d, ok := BlockForLinks(f, now); ok {
		return d, true
	}
	if other := f.Seen.FindOther(f.ID); other != nil {
		d := decideSecondKey(f, other, s, now)
		if d.Do == DoBlock {
			d.Until = recheckAt(f, now)
		}
		return d, true
	}
	if again := f.LastRotation.Add(settings.Day); now.Before(again) && !f.Options.Manual {
		return WaitUntil(StateDue, again, fmt.Sprintf("%s is %s old, but a key was made for %s %s: never two within a day",
			credfile.Short(f.ID), FormatAge(age), f.Seen.User, formatAgo(f.LastRotation, now))).InShort("only one new key a day"), true
	}
	if first := f.FirstRotation; first != nil {
		return waitForFirst(first, now), true
	}
	return Decision{}, false
}

// waitForFirst waits until the first rotation on this machine is validated: whatever
// is wrong here concerns one key then, and not all of them.
func waitForFirst(first *FirstRotation, now time.Time) Decision {
	why := "waits until " + first.Profile + " is done, the first rotation on this machine"
	if first.Waits {
		return WaitUntil(StateDue, first.Until, why).InShort("another key goes first")
	}
	d := actNow(DoPreflight, StateDue, why)
	d.Until = first.Until
	if !d.Until.After(now) {
		d.Until = now.Add(time.Second)
	}
	return d
}

// forceCommand returns the command that replaces the key whatever its age.
func forceCommand(f Facts) string { return hint.Command("keyd rotate --force", f.Profiles[0]) }

// checkClock blocks actions that depend on this machine's clock when the clock
// differs too much from AWS's.
func checkClock(f Facts, now time.Time) (Decision, bool) {
	off := f.Seen.Offset.Abs()
	if off <= journal.MaxClockOffset {
		return Decision{}, false
	}
	return BlockUntil(recheckAt(f, now), fmt.Sprintf("this machine's clock differs from AWS's by %s: nothing was changed", FormatAge(off)),
		"set the clock: timedatectl set-ntp true, or the date settings of your system").InShort("the clock is wrong"), true
}

// lookIsStale reports whether the last look at AWS is too old to act on: by the
// clock, or because it happened before the step that it has to confirm, or before
// the machine slept. A step or a wake-up in the future was recorded before the
// clock was set back. It is ignored, because no look could come after it.
func lookIsStale(f Facts, step, now time.Time) bool {
	before := func(at time.Time) bool { return f.Seen.At.Before(at) && !at.After(now) }
	return f.Seen == nil || f.Seen.At.After(now) || now.Sub(f.Seen.At) >= FreshFor || before(step) || before(f.AwakeSince)
}
