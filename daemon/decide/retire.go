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
	if r.RetireNow {
		return decideDeactivate(f, now)
	}
	if d, ok := checkFutureWaits(f, now, StateOverlap); ok {
		return d
	}
	end := r.Validated.Add(s.Overlap)
	if quiet := r.Swapped.Add(UndisturbedFor); quiet.After(end) {
		end = quiet
	}
	if now.Before(end) {
		return WaitUntil(StateOverlap, end, credfile.Short(r.Old.ID)+" stays usable until then, then it is deactivated")
	}
	readable := r.Swapped.Add(UseReportDelay)
	if end.Before(readable) {
		readable = end
	}
	if r.UseChecked.Before(readable) || r.UseChecked.After(now) {
		return actNow(DoCheckUse, StateOverlap, "asking AWS when "+credfile.Short(r.Old.ID)+" was used last")
	}
	if r.LastUse != nil && r.LastUse.At.After(r.Swapped.Add(useGranularity)) {
		if now.Sub(r.UseChecked) >= RecheckEvery || f.Options.Manual && now.Sub(r.UseChecked) >= FreshFor {
			return actNow(DoCheckUse, StateOverlap, "asking AWS again when "+credfile.Short(r.Old.ID)+" was used last")
		}
		return BlockUntil(r.UseChecked.Add(RecheckEvery), fmt.Sprintf("%s is still used: by %s in %s, %s", credfile.Short(r.Old.ID), r.LastUse.Service, r.LastUse.Region,
			formatAgo(r.LastUse.At, now)), hint.Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	if now.Sub(r.UseChecked) >= RecheckEvery { // the rotation has been delayed since then
		return actNow(DoCheckUse, StateOverlap, "asking AWS again when "+credfile.Short(r.Old.ID)+" was used last")
	}
	return decideDeactivate(f, now)
}

// checkFutureWaits handles a wait that started in the future: either the clock was
// ahead then and has been set back, or it is behind now. A fresh look tells which.
// Waits that started under the wrong clock restart.
func checkFutureWaits(f Facts, now time.Time, state State) (Decision, bool) {
	switch {
	case !f.Rotation.HasFutureWaits(now):
		return Decision{}, false
	case lookIsStale(f, time.Time{}, now):
		return actNow(DoLook, state, "the journal is from the future: comparing this machine's clock with AWS's"), true
	}
	return checkClock(f, now)
}

// decideDeactivate deactivates the old key, but only after a fresh look at AWS.
func decideDeactivate(f Facts, now time.Time) Decision {
	r := f.Rotation
	if lookIsStale(f, r.Validated, now) {
		return actNow(DoLook, StateOverlap, "the overlap is over: looking at both keys once more")
	}
	if d, off := checkClock(f, now); off {
		return d
	}
	if d, ok := checkNewKey(f, now); ok {
		return d
	}
	return actNow(DoDeactivate, StateOverlap, credfile.Short(r.Old.ID)+" is no longer needed")
}

// decideQuarantine decides while the old key is Inactive and not yet deleted.
func decideQuarantine(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if d, ok := checkFutureWaits(f, now, StateQuarantine); ok && !r.RetireNow {
		return d
	}
	end := r.Deactivated.Add(s.Quarantine)
	if now.Before(end) && !r.RetireNow {
		return WaitUntil(StateQuarantine, end, credfile.Short(r.Old.ID)+" is inactive and is deleted then; keyd hold makes it usable again")
	}
	if lookIsStale(f, r.Deactivated, now) {
		return actNow(DoLook, StateQuarantine, "the quarantine is over: looking at both keys once more")
	}
	if d, off := checkClock(f, now); off {
		return d
	}
	if d, ok := checkNewKey(f, now); ok {
		return d
	}
	if old := f.Seen.FindKey(r.Old.ID); old != nil && old.Active {
		if f.Options.RetireNow { // asked in this pass, so after someone made the key active
			return actNow(DoDeactivate, StateQuarantine, fmt.Sprintf("someone made %s active again, and it is to be retired now", credfile.Short(r.Old.ID)))
		}
		return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("someone made %s active again during its quarantine", credfile.Short(r.Old.ID)),
			"to keep it: "+hint.Command("keyd hold", r.Profiles()[0])+"; to retire it: "+hint.Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	return actNow(DoDelete, StateQuarantine, credfile.Short(r.Old.ID)+" has been inactive long enough")
}

// checkNewKey waits or blocks when the key in the files is not an Active key of
// the user: keyd must not touch the old key then.
func checkNewKey(f Facts, now time.Time) (Decision, bool) {
	r := f.Rotation
	if key := f.Seen.FindKey(r.New.ID); key != nil && key.Active {
		return Decision{}, false
	}
	why := fmt.Sprintf("IAM does not list %s as active: %s is left as it is", credfile.Short(r.New.ID), credfile.Short(r.Old.ID))
	if now.Sub(r.Created) < UndisturbedFor { // ListAccessKeys lags, and its answers are not monotonic
		return WaitUntil(StateWaiting, now.Add(RetryAfter(1)), why), true
	}
	return BlockUntil(now.Add(RecheckEvery), why, hint.AWSCommand("aws iam list-access-keys", r.Profiles()[0])), true
}
