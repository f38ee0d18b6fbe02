package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// decideOverlap decides while both keys are Active and the files show the new one.
func decideOverlap(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if d, ok := awaitHooks(f, s, now, StateOverlap); ok {
		return d
	}
	if r.RetireNow || r.DeleteNow || f.Options.RetireNow || f.Options.DeleteNow { // a dry run journals nothing
		if d, ok := blockForPlaces(f, now); ok {
			return d
		}
		return decideDeactivate(f, now)
	}
	if d, ok := checkFutureWaits(f, now, StateOverlap); ok {
		return d
	}
	if d, ok := watchNewKey(f, r, now, StateOverlap); ok {
		return d
	}
	end := overlapEnd(r, s)
	if useReadingDue(f, r, now) && f.mayControl(now) {
		return actNow(DoCheckUse, StateOverlap, "asking AWS when "+credfile.Short(r.Old.ID)+" was used last")
	}
	if d, ok := blockForOldCopies(r, now); ok && now.Before(end) {
		return d
	}
	switch {
	case now.Before(end) && endsTooLate(f, r, s, end):
		return BlockUntil(nextUseReading(r.UseChecked, r.Old.ID, r.UseDenied), fmt.Sprintf("%s %s: it cannot be deactivated before it is %s old%s", credfile.Short(r.Old.ID), describeOthersUse(r, now), FormatAge(s.MaxAge), f.describeCopies()),
			"put the new key there as well; or stop waiting for that: "+hint.Command("keyd rotate --retire-now", r.Profiles()[0])).InShort(overlapShort(r))
	case now.Before(end):
		return WaitUntil(StateOverlap, end, describeOldUse(f, r, s, now)).InShort(overlapShort(r))
	}
	if d, ok := blockForPlaces(f, now); ok {
		return d
	}
	if r.UseDenied && r.UsedByOthers() && !r.UseChecked.Before(end) { // it was in use when AWS last told
		return BlockUntil(nextUseReading(r.UseChecked, r.Old.ID, r.UseDenied), fmt.Sprintf("%s %s, after it was replaced; since then %s", credfile.Short(r.Old.ID), describeOthersUse(r, now), UseUnknown("it", r.UseNoCall)),
			"allow this user iam:GetAccessKeyLastUsed, see "+hint.Command("keyd policy", r.Profiles()[0])+"; or, if nothing needs the old key: "+hint.Command("keyd rotate --retire-now", r.Profiles()[0])).InShort("old key, perhaps in use")
	}
	if d, ok := checkBeforeRetiring(f, now); ok && d.Do == DoBlock && stillBelieved(f, now) && f.Seen.At.After(r.Validated) {
		return d
	}
	if r.UseChecked.Before(end) || now.Sub(r.UseChecked) >= useBelieved {
		return actNow(DoCheckUse, StateOverlap, "the overlap is over: asking AWS once more when "+credfile.Short(r.Old.ID)+" was used last")
	}
	return decideDeactivate(f, now)
}

// useBelieved is how long keyd acts on a reading of the last use.
const useBelieved = time.Hour

// overlapEnd returns when the old key may be deactivated: the overlap is over, the old
// key has been quiet for as long, AWS must have reported every use in that time, and the
// files have shown the new id undisturbed. An old text that has come back begins the overlap
// anew, since what wrote it, such as a nightly sync, may write it again. For an overlap of
// less than four hours, which someone has set on purpose, no more than that again is left for
// AWS's report.
func overlapEnd(r *journal.Rotation, s settings.Settings) time.Time {
	quiet := r.Validated
	if wasMended(r) {
		quiet = r.Swapped
	}
	if r.UsedByOthers() {
		quiet = latest(quiet, r.LastUse.At.Add(useGranularity))
	}
	end := quiet.Add(s.Overlap + min(s.Overlap, UseReportDelay))
	return latest(end, r.Swapped.Add(UndisturbedFor))
}

// endsTooLate reports whether a use that continues would carry the old key past max_age.
// A key that was that old when it was replaced has two overlaps.
func endsTooLate(f Facts, r *journal.Rotation, s settings.Settings, end time.Time) bool {
	if !r.UsedByOthers() || f.Seen == nil {
		return false
	}
	old := f.Seen.FindKey(r.Old.ID)
	return old != nil && end.After(old.Created.Add(s.MaxAge-f.Seen.Offset)) && end.After(r.Validated.Add(2*s.Overlap+UseReportDelay))
}

// watchNewKey returns the daily look at the key in the files, which a waiting rotation
// needs: someone may have made it Inactive or deleted it. A person who asks gets a fresh
// one. The validation and the deactivation have asked AWS about it as well.
func watchNewKey(f Facts, r *journal.Rotation, now time.Time, state State) (Decision, bool) {
	last := r.Validated
	if r.Deactivated.After(last) {
		last = r.Deactivated
	}
	if looked := f.lookedAt(now); looked.After(last) && looked.Sub(now) <= journal.MaxClockOffset {
		last = looked
	}
	if f.Watched || now.Sub(last) < RecheckEvery && !f.Options.Manual {
		return Decision{}, false
	}
	return actNow(DoLook, state, "asking AWS whether "+credfile.Short(r.New.ID)+" still works"), true
}

// checkFutureWaits handles a wait that started in the future, and a lost call that was sent
// there: either the clock was ahead then and has been set back, or it is behind now. A fresh
// look tells which. Waits that started under the wrong clock restart. The time of the call
// stays as it is: once a look has found the clock right, a day passes before the next.
func checkFutureWaits(f Facts, now time.Time, state State) (Decision, bool) {
	r := f.Rotation
	if !r.HasFutureWaits(now) && !r.IsCallInFuture(now) {
		return Decision{}, false
	}
	if isClockCompared(f, now) {
		if d, off := checkClock(f, now); off || !r.HasFutureWaits(now) {
			return d, off
		}
	}
	return compareClock(f, now, state)
}

// isClockCompared reports whether AWS has told the time recently enough to leave a key alone
// because of it, or because of the clock that it found right. A person who asks gets a fresh
// look.
func isClockCompared(f Facts, now time.Time) bool {
	told := f.lookedAt(now)
	if told.IsZero() || f.Options.Manual || f.Seen.Offset.Abs() > journal.MaxClockOffset && f.AwakeSince.After(told) { // perhaps the clock was set
		return false
	}
	return !told.After(now) && now.Sub(told) < RecheckEvery
}

// compareClock returns the look that compares this machine's clock with AWS's or, after a
// fresh one, the block if they differ too much.
func compareClock(f Facts, now time.Time, state State) (Decision, bool) {
	if lookIsStale(f, time.Time{}, now) && (f.mayControl(now) || now.Sub(f.lookedAt(now)).Abs() >= FreshFor) {
		return actNow(DoLook, state, "the journal is from the future: comparing this machine's clock with AWS's"), true
	}
	return checkClock(f, now)
}

// lookBeforeRetiring returns what comes before a key is made Inactive: a look at AWS after
// the step at since, or what is in the way. It returns false when nothing is.
func lookBeforeRetiring(f Facts, since time.Time, state State, why string, now time.Time) (Decision, bool) {
	if !f.mayControl(now) { // the session comes first
		return Decision{}, false
	}
	d, ok := checkBeforeRetiring(f, now)
	believed := ok && d.Do == DoBlock && stillBelieved(f, now) && f.Seen.At.After(since)
	if !believed && lookIsStale(f, since, now) {
		return actNow(DoLook, state, why), true
	}
	return d, ok
}

// decideDeactivate deactivates the old key, but only after a fresh look at AWS.
func decideDeactivate(f Facts, now time.Time) Decision {
	r := f.Rotation
	asked := r.RetireNow || r.DeleteNow || f.Options.RetireNow || f.Options.DeleteNow
	if d, ok := lookBeforeRetiring(f, r.Validated, StateOverlap, "the overlap is over or ended: looking at both keys once more", now); ok {
		return d
	}
	switch {
	case asked: // whether it is still needed is the person's business
		return actNow(DoDeactivate, StateOverlap, "the overlap of "+credfile.Short(r.Old.ID)+" is ended")
	case r.UseDenied:
		return actNow(DoDeactivate, StateOverlap, "the overlap is over; "+UseUnknown(credfile.Short(r.Old.ID), r.UseNoCall))
	}
	return actNow(DoDeactivate, StateOverlap, credfile.Short(r.Old.ID)+" is no longer needed")
}

// checkBeforeRetiring returns why nothing may happen to the old key, as far as the last
// look tells.
func checkBeforeRetiring(f Facts, now time.Time) (Decision, bool) {
	if f.Seen == nil {
		return Decision{}, false
	}
	if d, off := checkClock(f, now); off {
		return d, true
	}
	return checkNewKey(f, now)
}

// decideQuarantine decides while the old key is Inactive and not yet deleted.
func decideQuarantine(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if d, ok := awaitHooks(f, s, now, StateQuarantine); ok {
		return d
	}
	if d, ok := checkFutureWaits(f, now, StateQuarantine); ok && !r.DeleteNow && !f.Options.DeleteNow {
		return d
	}
	end := quarantineEnd(r, s)
	rides := !f.mayControl(now) && !now.Before(end) // a key at rest is not looked at each day
	if d, ok := watchNewKey(f, r, now, StateQuarantine); ok && !rides {
		return d
	}
	deleteNow := r.DeleteNow || f.Options.DeleteNow // a dry run journals nothing
	if now.Before(end) && !deleteNow && f.isOldGone() {
		return WaitUntil(StateQuarantine, end, goneText(r)+": the rotation ends then").InShort("the old key is off")
	}
	if d, ok := blockForOldCopies(r, now); ok && now.Before(end) && !deleteNow {
		return d
	}
	if now.Before(end) && !deleteNow {
		return WaitUntil(StateQuarantine, end, fmt.Sprintf("%s is inactive, and is deleted when the quarantine is over; until then, this makes it usable again: %s", credfile.Short(r.Old.ID), hint.Command("keyd hold", r.Profiles()[0]))).InShort("the old key is off")
	}
	if d, ok := blockForAbsent(f); ok {
		return d
	}
	switch {
	case rides && !deleteNow:
		return decideRiding(f, r, s, now)
	case !f.mayControl(now):
		return actNow(DoDelete, StateQuarantine, credfile.Short(r.Old.ID)+" is inactive, and its quarantine is ended")
	}
	d, ok := checkBeforeDeleting(f, now)
	switch {
	case ok && d.Do == DoBlock && stillBelieved(f, now) && f.Seen.At.After(r.Deactivated):
		return d
	case lookIsStale(f, r.Deactivated, now):
		return actNow(DoLook, StateQuarantine, "the quarantine is over or ended: looking at both keys once more")
	case ok:
		return d
	case now.Before(end):
		return actNow(DoDelete, StateQuarantine, credfile.Short(r.Old.ID)+" is inactive, and its quarantine is ended")
	}
	return actNow(DoDelete, StateQuarantine, credfile.Short(r.Old.ID)+" has been inactive long enough")
}

// checkBeforeDeleting returns what is to be done, as far as the last look tells, instead
// of the deletion of the old key.
func checkBeforeDeleting(f Facts, now time.Time) (Decision, bool) {
	if d, ok := checkBeforeRetiring(f, now); ok || f.Seen == nil {
		return d, ok
	}
	r := f.Rotation
	if old := f.Seen.FindKey(r.Old.ID); old == nil || !old.Active {
		return Decision{}, false
	}
	if f.Options.RetireNow || f.Options.DeleteNow { // asked in this pass, so after someone made the key active
		return actNow(DoDeactivate, StateQuarantine, fmt.Sprintf("someone made %s active again, and it is to be retired now", credfile.Short(r.Old.ID))), true
	}
	return BlockUntil(recheckAt(f, now), fmt.Sprintf("someone made %s active again during its quarantine", credfile.Short(r.Old.ID)),
		"to keep it: "+hint.Command("keyd hold", r.Profiles()[0])+"; to retire it: "+hint.Command("keyd rotate --retire-now", r.Profiles()[0])).InShort("old key is active again"), true
}

// unlistedShort is for one cell of a table.
const unlistedShort = "new key is not listed"

// checkNewKey waits or blocks when the key in the files is not an Active key of
// the user: keyd must not touch the old key then.
func checkNewKey(f Facts, now time.Time) (Decision, bool) {
	r := f.Rotation
	if key := f.Seen.FindKey(r.New.ID); key != nil && key.Active {
		return Decision{}, false
	}
	why := fmt.Sprintf("IAM does not list %s as active: %s is left as it is", credfile.Short(r.New.ID), credfile.Short(r.Old.ID))
	if f.Seen.At.Sub(r.Created) < UndisturbedFor { // ListAccessKeys lags, and its answers are not monotonic
		return WaitUntil(StateWaiting, now.Add(RetryAfter(1)), why).InShort(unlistedShort), true
	}
	return BlockUntil(recheckAt(f, now), why, hint.AWSCommand("aws iam list-access-keys", r.Profiles()[0])).InShort(unlistedShort), true
}
