package daemon

import (
	"fmt"
	"time"

	"keyd/credfile"
)

// decideOverlap decides while both keys are Active and the files show the new one.
func overlap(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if r.RetireNow {
		return retire(f, now)
	}
	if d, ok := tooEarly(f, now, Overlap); ok {
		return d
	}
	end := r.Validated.Add(s.Overlap)
	if quiet := r.Swapped.Add(undisturbed); quiet.After(end) {
		end = quiet
	}
	if now.Before(end) {
		return wait(Overlap, end, credfile.Short(r.Old.ID)+" stays usable until then, then it is deactivated")
	}
	readable := r.Swapped.Add(useLag)
	if end.Before(readable) {
		readable = end
	}
	if r.UseRead.Before(readable) || r.UseRead.After(now) {
		return act(CheckUse, Overlap, "asking AWS when "+credfile.Short(r.Old.ID)+" was used last")
	}
	if r.Used != nil && r.Used.At.After(r.Swapped.Add(useGrain)) {
		if now.Sub(r.UseRead) >= recheck || f.Ask.Person && now.Sub(r.UseRead) >= fresh {
			return act(CheckUse, Overlap, "asking AWS again when "+credfile.Short(r.Old.ID)+" was used last")
		}
		return blocked(r.UseRead.Add(recheck), fmt.Sprintf("%s is still used: by %s in %s, %s", credfile.Short(r.Old.ID), r.Used.Service, r.Used.Region,
			formatAgo(r.Used.At, now)), Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	if now.Sub(r.UseRead) >= recheck { // the rotation has been delayed since then
		return act(CheckUse, Overlap, "asking AWS again when "+credfile.Short(r.Old.ID)+" was used last")
	}
	return retire(f, now)
}

// checkFutureWaits handles a wait that started in the future: either the clock was
// ahead then and has been set back, or it is behind now. A fresh look tells which.
// Waits that started under the wrong clock restart.
func tooEarly(f Facts, now time.Time, state State) (Decision, bool) {
	switch {
	case !f.Rotation.ahead(now):
		return Decision{}, false
	case stale(f, time.Time{}, now):
		return act(Look, state, "the journal is from the future: comparing this machine's clock with AWS's"), true
	}
	return clockOff(f, now)
}

// decideDeactivate deactivates the old key, but only after a fresh look at AWS.
func retire(f Facts, now time.Time) Decision {
	r := f.Rotation
	if stale(f, r.Validated, now) {
		return act(Look, Overlap, "the overlap is over: looking at both keys once more")
	}
	if d, off := clockOff(f, now); off {
		return d
	}
	if d, ok := newKeyMissing(f, now); ok {
		return d
	}
	return act(Deactivate, Overlap, credfile.Short(r.Old.ID)+" is no longer needed")
}

// decideQuarantine decides while the old key is Inactive and not yet deleted.
func quarantine(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if d, ok := tooEarly(f, now, Quarantine); ok && !r.RetireNow {
		return d
	}
	end := r.Deactivated.Add(s.Quarantine)
	if now.Before(end) && !r.RetireNow {
		return wait(Quarantine, end, credfile.Short(r.Old.ID)+" is inactive and is deleted then; keyd hold makes it usable again")
	}
	if stale(f, r.Deactivated, now) {
		return act(Look, Quarantine, "the quarantine is over: looking at both keys once more")
	}
	if d, off := clockOff(f, now); off {
		return d
	}
	if d, ok := newKeyMissing(f, now); ok {
		return d
	}
	if old := f.Seen.Key(r.Old.ID); old != nil && old.Active {
		if f.Ask.RetireNow { // asked in this pass, so after someone made the key active
			return act(Deactivate, Quarantine, fmt.Sprintf("someone made %s active again, and it is to be retired now", credfile.Short(r.Old.ID)))
		}
		return blocked(now.Add(recheck), fmt.Sprintf("someone made %s active again during its quarantine", credfile.Short(r.Old.ID)),
			"to keep it: "+Command("keyd hold", r.Profiles()[0])+"; to retire it: "+Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	return act(Delete, Quarantine, credfile.Short(r.Old.ID)+" has been inactive long enough")
}

// checkNewKey waits or blocks when the key in the files is not an Active key of
// the user: keyd must not touch the old key then.
func newKeyMissing(f Facts, now time.Time) (Decision, bool) {
	r := f.Rotation
	if key := f.Seen.Key(r.New.ID); key != nil && key.Active {
		return Decision{}, false
	}
	why := fmt.Sprintf("IAM does not list %s as active: %s is left as it is", credfile.Short(r.New.ID), credfile.Short(r.Old.ID))
	if now.Sub(r.Created) < undisturbed { // ListAccessKeys lags, and its answers are not monotonic
		return wait(Waiting, now.Add(retryAfter(1)), why), true
	}
	return blocked(now.Add(recheck), why, AsProfile("aws iam list-access-keys", r.Profiles()[0])), true
}
