package daemon

import (
	"fmt"
	"time"

	"keyd/credfile"
)

const (
	// FreshFor is the maximum age of a look at AWS on which keyd may base an
	// action that could do harm.
	fresh = 2 * time.Minute
	// UndisturbedFor is how long the files must have shown the new id before keyd
	// deactivates the old key: by then, a program that still held the old text
	// would have written it back.
	undisturbed = 10 * time.Minute
	// useReportDelay is how long after the swap keyd starts to believe AWS's answer
	// about the last use of the old key, if the overlap is that long. AWS documents
	// no delay for GetAccessKeyLastUsed; for the access advisor it says "within
	// four hours".
	useLag = 4 * time.Hour
	// useGranularity is AWS's granularity: AWS records only the first of several
	// uses within 15 minutes. Source: IAM user guide, credential report.
	useGrain = 15 * time.Minute
	// ReconcileAfter is how long a request may still take effect after its answer
	// was lost.
	reconcileAfter = 15 * time.Second
)

// Next decides what to do with one key now. It is the whole policy of keyd, as a
// pure function. keyd calls it again after every action, with freshly gathered
// facts.
func Next(f Facts, s Settings, now time.Time) Decision {
	return unlessMisplaced(f, unlessUnknown(s, decide(f, s, now)))
}

// decideKey is Next without the two overriding blocks.
func decide(f Facts, s Settings, now time.Time) Decision {
	switch {
	case f.Skip != "":
		return Decision{Do: Skip, State: Skipped, Why: f.Skip}
	case f.Unread != nil: // the rotation may be in any phase
		return blocked(time.Time{}, f.Unread.Error(), Hint(f.Unread))
	case f.Rotation != nil:
		return inRotation(f, f.Rotation, s, now)
	case s.After(f.Profiles) == Never:
		return Decision{Do: Skip, State: Skipped, Why: "excluded by rotate = never in keyd.ini"}
	}
	return idle(f, s, now)
}

// decideIdle decides about a key that is not being rotated.
func idle(f Facts, s Settings, now time.Time) Decision {
	if why := leaveAlone(f.ID, f.account(), s.NeverAccounts); why != "" {
		return Decision{Do: Skip, State: Skipped, Why: why}
	}
	if d, held := afterTrouble(f, s, now); held {
		return d
	}
	seen := f.Seen
	if seen == nil || now.Sub(seen.At) >= recheck || seen.At.Sub(now) > maxClockOff || (f.Ask.Person && now.Sub(seen.At) >= fresh) {
		return act(Look, OK, "asking AWS whose key it is and how old it is")
	}
	key := seen.Key(f.ID)
	switch {
	case seen.Root:
		return Decision{Do: Skip, State: Skipped, Why: "root key of account " + seen.Account +
			": keyd never touches it; AWS advises deleting it"}
	case seen.User == "":
		return Decision{Do: Skip, State: Skipped, Why: "not the key of an IAM user: " + seen.ARN}
	case key == nil && now.Sub(seen.At) >= retryAfter(1):
		return act(Look, Waiting, "asking AWS again whether it lists "+credfile.Short(f.ID))
	case key == nil:
		return wait(Waiting, seen.At.Add(retryAfter(1)), fmt.Sprintf("IAM does not list %s among the keys of %s yet", credfile.Short(f.ID), seen.User))
	}
	age := now.Add(seen.Offset).Sub(key.Created)
	due := key.Created.Add(jitter(s.After(f.Profiles), f.ID)).Add(-seen.Offset)
	if now.Before(due) && !f.Ask.Force {
		return wait(OK, due, fmt.Sprintf("%s old, replaced at %s", formatAge(age), formatAge(jitter(s.After(f.Profiles), f.ID))))
	}
	if stale(f, f.Awake, now) {
		return act(Look, Due, fmt.Sprintf("%s is %s old", credfile.Short(f.ID), formatAge(age)))
	}
	return dueNow(f, s, now, age)
}

// decideDue decides about a key that is due, or that a person wants replaced:
// keyd replaces it now unless something is in the way.
func dueNow(f Facts, s Settings, now time.Time, age time.Duration) Decision {
	if d, off := clockOff(f, now); off {
		return d
	}
	if err := f.copyOf(f.ID); err != nil {
		return keepsCopy(err, now)
	}
	if other := f.Seen.Other(f.ID); other != nil {
		return secondKey(f, other, s, now)
	}
	if again := f.LastRotation.Add(day); now.Before(again) && !f.Ask.Person {
		return wait(Due, again, fmt.Sprintf("%s is %s old, but a key was made for %s %s: never two within a day",
			credfile.Short(f.ID), formatAge(age), f.Seen.User, formatAgo(f.LastRotation, now)))
	}
	if !f.Ready {
		return act(Preflight, Due, fmt.Sprintf("%s is %s old: checking that it can be replaced", credfile.Short(f.ID), formatAge(age)))
	}
	return act(Create, Due, fmt.Sprintf("%s is %s old", credfile.Short(f.ID), formatAge(age)))
}

// checkClock blocks actions that depend on this machine's clock when the clock
// differs too much from AWS's.
func clockOff(f Facts, now time.Time) (Decision, bool) {
	off := f.Seen.Offset.Abs()
	if off <= maxClockOff {
		return Decision{}, false
	}
	return blocked(now.Add(recheck), fmt.Sprintf("this machine's clock differs from AWS's by %s: nothing was changed", formatAge(off)),
		"set the clock: timedatectl set-ntp true, or the date settings of your system"), true
}

// decideSecondKey decides when the user's other key occupies the slot that a new
// key needs. keyd did not make the other key, and does not touch it unless told to.
func secondKey(f Facts, other *SeenKey, s Settings, now time.Time) Decision {
	since := other.Created
	if other.Used != nil && other.Used.At.After(since) {
		since = other.Used.At
	}
	run := Command("keyd prune", f.Profiles[0])
	if by := f.ShownBy[other.ID]; by != "" {
		return blocked(now.Add(recheck), fmt.Sprintf("the user has a second key, %s, which %s uses: AWS allows two keys, and the new key needs a free slot", credfile.Short(other.ID), by),
			fmt.Sprintf("make %s and %s use the same key, then %s", f.Profiles[0], by, run))
	}
	if other.Active {
		return blocked(now.Add(recheck), fmt.Sprintf("the user has a second active key, %s, %s", credfile.Short(other.ID), lastUsed(other.Used, now)), run)
	}
	if s.PruneInactiveAfter > 0 && other.Used != nil && now.Sub(since) >= s.PruneInactiveAfter {
		return act(Prune, Due, fmt.Sprintf("%s is inactive and unused for %s", credfile.Short(other.ID), formatAge(now.Sub(since))))
	}
	return blocked(now.Add(recheck), fmt.Sprintf("the user has a second key, %s, inactive, %s: it occupies the slot that the new key needs",
		credfile.Short(other.ID), lastUsed(other.Used, now)), run)
}

// lookIsStale reports whether the last look at AWS is too old to act on: by the
// clock, or because it happened before the step that it has to confirm, or before
// the machine slept. A step or a wake-up in the future was recorded before the
// clock was set back. It is ignored, because no look could come after it.
func stale(f Facts, step, now time.Time) bool {
	before := func(at time.Time) bool { return f.Seen.At.Before(at) && !at.After(now) }
	return f.Seen == nil || f.Seen.At.After(now) || now.Sub(f.Seen.At) >= fresh || before(step) || before(f.Awake)
}
