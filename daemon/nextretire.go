package daemon

import (
	"fmt"
	"time"
)

// overlap is both keys Active, the files on the new one.
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
		return wait(Overlap, end, short(r.Old.ID)+" stays usable until then, then it is deactivated")
	}
	readable := r.Swapped.Add(useLag)
	if end.Before(readable) {
		readable = end
	}
	if r.UseRead.Before(readable) || r.UseRead.After(now) {
		return act(CheckUse, Overlap, "asking AWS when "+short(r.Old.ID)+" was used last")
	}
	if r.Used != nil && r.Used.At.After(r.Swapped.Add(useGrain)) {
		if now.Sub(r.UseRead) >= recheck || f.Ask.Person && now.Sub(r.UseRead) >= fresh {
			return act(CheckUse, Overlap, "asking AWS again when "+short(r.Old.ID)+" was used last")
		}
		return blocked(r.UseRead.Add(recheck), fmt.Sprintf("%s is still used: by %s in %s, %s", short(r.Old.ID), r.Used.Service, r.Used.Region,
			formatAgo(r.Used.At, now)), Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	if now.Sub(r.UseRead) >= recheck { // it has been held up since
		return act(CheckUse, Overlap, "asking AWS again when "+short(r.Old.ID)+" was used last")
	}
	return retire(f, now)
}

// tooEarly is a wait that began in the future: the clock was ahead then, and has
// been set back, or is behind now. A look tells which, and lets what began by a
// clock that was wrong begin anew.
func tooEarly(f Facts, now time.Time, state State) (Decision, bool) {
	switch {
	case !f.Rotation.ahead(now):
		return Decision{}, false
	case stale(f, time.Time{}, now):
		return act(Look, state, "the journal is from the future: comparing the clock of this machine with AWS's"), true
	}
	return clockOff(f, now)
}

// retire deactivates on a fresh look only.
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
	return act(Deactivate, Overlap, short(r.Old.ID)+" is no longer needed")
}

// quarantine is the old key Inactive, not yet deleted.
func quarantine(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if d, ok := tooEarly(f, now, Quarantine); ok && !r.RetireNow {
		return d
	}
	end := r.Deactivated.Add(s.Quarantine)
	if now.Before(end) && !r.RetireNow {
		return wait(Quarantine, end, short(r.Old.ID)+" is inactive and is deleted then; keyd hold makes it usable again")
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
		if f.Ask.RetireNow { // said now, not before somebody made it active
			return act(Deactivate, Quarantine, fmt.Sprintf("someone made %s active again, and it is to be retired now", short(r.Old.ID)))
		}
		return blocked(now.Add(recheck), fmt.Sprintf("someone made %s active again during its quarantine", short(r.Old.ID)),
			"to keep it: "+Command("keyd hold", r.Profiles()[0])+"; to retire it: "+Command("keyd rotate --retire-now", r.Profiles()[0]))
	}
	return act(Delete, Quarantine, short(r.Old.ID)+" was inactive long enough")
}

// newKeyMissing stops when the key that the files show is not an Active key of
// the user: nothing may happen to the old one then.
func newKeyMissing(f Facts, now time.Time) (Decision, bool) {
	r := f.Rotation
	if key := f.Seen.Key(r.New.ID); key != nil && key.Active {
		return Decision{}, false
	}
	why := fmt.Sprintf("IAM does not list %s as active: %s is left as it is", short(r.New.ID), short(r.Old.ID))
	if now.Sub(r.Created) < undisturbed { // the list lags, and is not monotonic
		return wait(Waiting, now.Add(retryAfter(1)), why), true
	}
	return blocked(now.Add(recheck), why, AsProfile("aws iam list-access-keys", r.Profiles()[0])), true
}
