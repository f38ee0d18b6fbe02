package daemon

import (
	"fmt"
	"strings"
	"time"
)

const (
	// fresh is how old a look may be when a decision that could harm rests on it.
	fresh = 2 * time.Minute
	// undisturbed is how long the files must have shown the new id before the
	// old key is deactivated: a writer that still held the old text would have
	// put it back by then.
	undisturbed = 10 * time.Minute
	// useLag is how old the swap must be before AWS's answer on the last use of
	// the old key is believed, when the overlap allows it. The latency is not
	// documented for the call; the access advisor's is "within four hours".
	useLag = 4 * time.Hour
	// useGrain is AWS's granularity: of several uses in 15 minutes only the
	// first is recorded. Source: IAM user guide, credential report.
	useGrain = 15 * time.Minute
	// maxClockOff is how wrong this machine's clock may be. AWS refuses
	// signatures from 15 minutes on.
	maxClockOff = 5 * time.Minute
	// reconcileAfter is how long a request may still take effect after its
	// answer was lost.
	reconcileAfter = 15 * time.Second
)

// Next decides: the whole policy of keyd, as a pure function. It is called
// again after every action, with facts that were found out anew.
func Next(f Facts, s Settings, now time.Time) Decision {
	return unlessUnknown(s, decide(f, s, now))
}

func decide(f Facts, s Settings, now time.Time) Decision {
	switch {
	case f.Skip != "":
		return Decision{Do: Skip, State: Skipped, Why: f.Skip}
	case f.Unread != nil: // it may be in any phase
		return blocked(time.Time{}, f.Unread.Error(), Hint(f.Unread))
	case f.Rotation != nil:
		return inRotation(f, f.Rotation, s, now)
	case s.After(f.Profiles) == Never:
		return Decision{Do: Skip, State: Skipped, Why: "excluded by rotate = never in keyd.ini"}
	}
	return idle(f, s, now)
}

// idle is a key that no rotation is about.
func idle(f Facts, s Settings, now time.Time) Decision {
	if why := leaveAlone(f.ID, f.account(), s.NeverAccounts); why != "" {
		return Decision{Do: Skip, State: Skipped, Why: why}
	}
	if d, held := afterTrouble(f, now); held {
		return d
	}
	seen := f.Seen
	if seen == nil || now.Sub(seen.At) >= recheck || seen.At.Sub(now) > maxClockOff || (f.Ask.Person && now.Sub(seen.At) >= fresh) {
		return act(Look, OK, "asking AWS whose key it is and how old")
	}
	key := seen.Key(f.ID)
	switch {
	case seen.Root:
		return Decision{Do: Skip, State: Skipped, Why: "root key of account " + seen.Account +
			": keyd never touches it; AWS advises to delete it"}
	case seen.User == "":
		return Decision{Do: Skip, State: Skipped, Why: "not the key of an IAM user: " + seen.ARN}
	case key == nil && now.Sub(seen.At) >= retryAfter(1):
		return act(Look, Waiting, "asking AWS again whether it lists "+short(f.ID))
	case key == nil:
		return wait(Waiting, seen.At.Add(retryAfter(1)), fmt.Sprintf("IAM does not list %s among the keys of %s yet", short(f.ID), seen.User))
	}
	age := now.Add(seen.Offset).Sub(key.Created)
	due := key.Created.Add(jitter(s.After(f.Profiles), f.ID)).Add(-seen.Offset)
	if now.Before(due) && !f.Ask.Force {
		return wait(OK, due, fmt.Sprintf("%s old, replaced at %s", formatAge(age), formatAge(jitter(s.After(f.Profiles), f.ID))))
	}
	if stale(f, f.Awake, now) {
		return act(Look, Due, fmt.Sprintf("%s is %s old", short(f.ID), formatAge(age)))
	}
	return dueNow(f, s, now, age)
}

// dueNow is a key that is to be replaced now, if nothing stands in the way.
func dueNow(f Facts, s Settings, now time.Time, age time.Duration) Decision {
	if off := f.Seen.Offset.Abs(); off > maxClockOff {
		return blocked(now.Add(recheck), fmt.Sprintf("the clock of this machine is %s off AWS's: nothing was changed", formatAge(off)),
			"set the clock: timedatectl set-ntp true, or the date settings of your system")
	}
	if other := f.Seen.Other(f.ID); other != nil {
		return secondKey(f, other, s, now)
	}
	if again := f.LastRotation.Add(day); now.Before(again) && !f.Ask.Person {
		return wait(Due, again, fmt.Sprintf("%s is %s old, and a key was made for %s %s: never two within a day",
			short(f.ID), formatAge(age), f.Seen.User, formatAgo(f.LastRotation, now)))
	}
	if !f.Ready {
		return act(Preflight, Due, fmt.Sprintf("%s is %s old: checking that it can be replaced", short(f.ID), formatAge(age)))
	}
	return act(Create, Due, fmt.Sprintf("%s is %s old", short(f.ID), formatAge(age)))
}

// secondKey is the user's other key, which takes the slot that a successor
// needs. keyd did not make it: it is not touched unasked.
func secondKey(f Facts, other *SeenKey, s Settings, now time.Time) Decision {
	since := other.Created
	if other.Used != nil && other.Used.At.After(since) {
		since = other.Used.At
	}
	run := "keyd prune " + f.Profiles[0]
	if other.Active {
		return blocked(now.Add(recheck), fmt.Sprintf("the user has a second active key, %s, %s", short(other.ID), lastUsed(other.Used, now)), run)
	}
	if s.PruneInactiveAfter > 0 && other.Used != nil && now.Sub(since) >= s.PruneInactiveAfter {
		return act(Prune, Due, fmt.Sprintf("%s is inactive and unused for %s", short(other.ID), formatAge(now.Sub(since))))
	}
	return blocked(now.Add(recheck), fmt.Sprintf("the user has a second key, %s, inactive, %s: it takes the place of a successor",
		short(other.ID), lastUsed(other.Used, now)), run)
}

// inRotation goes through the phases from the end that can hurt most.
func inRotation(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.New.ID == "":
		return lostAnswer(f, r, s, now)
	case f.Shows.Torn > 0: // nobody can use it: whatever else there is comes after
		return orTrouble(f, now, act(Mend, Rotating, fmt.Sprintf("a write was cut off, and a file shows half of %s and half of %s: making it %s",
			short(r.Old.ID), short(r.New.ID), short(r.New.ID))))
	case len(f.Shows.Third) > 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s shows another key than %s or %s: someone changed it, and keyd overwrites nothing",
			strings.Join(f.Shows.Third, ", "), short(r.Old.ID), short(r.New.ID)), "keyd resume "+f.Shows.Third[0])
	case f.Shows.Old+f.Shows.New == 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s is no longer in the files, in the middle of a rotation",
			strings.Join(f.Shows.Gone, ", ")), "keyd resume "+r.Profiles()[0])
	case r.Failed != "":
		return givingUp(f, r, now)
	case !r.Held.IsZero() && !r.Deactivating.IsZero():
		return orTrouble(f, now, act(Revive, Held, short(r.Old.ID)+" is to be usable again: a person holds the rotation"))
	case !r.Held.IsZero():
		return wait(Held, time.Time{}, fmt.Sprintf("held since %s: %s stays usable, keyd resume goes on", r.Held.Local().Format("2 Jan 15:04"), short(r.Old.ID)))
	case f.Shows.Old > 0 && !r.Validated.IsZero():
		return mending(f, r, now)
	}
	return orTrouble(f, now, forward(f, r, s, now))
}

// forward is an undisturbed rotation.
func forward(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case f.Shows.Old > 0 && !f.Proven:
		return act(Prove, Rotating, short(r.New.ID)+" is not in any file until AWS accepts it steadily")
	case f.Shows.Old > 0:
		return act(Swap, Rotating, short(r.New.ID)+" is accepted: replacing "+short(r.Old.ID))
	case r.Validated.IsZero(), !r.Mending.IsZero():
		return act(Validate, Rotating, "the files show "+short(r.New.ID)+": checking what is on disk")
	case s.DescribeKeys && !r.Described:
		return act(Describe, Overlap, "tagging "+short(r.New.ID)+" for the console")
	case r.Deactivated.IsZero():
		return overlap(f, r, s, now)
	}
	return quarantine(f, r, s, now)
}

// mending is a file that shows the old id again after it was validated: a
// backup, a dotfile manager, a stale editor buffer.
func mending(f Facts, r *Rotation, now time.Time) Decision {
	if !f.Proven {
		return orTrouble(f, now, act(Prove, Rotating, fmt.Sprintf("a file shows %s again: checking that %s still works", short(r.Old.ID), short(r.New.ID))))
	}
	return orTrouble(f, now, act(Swap, Rotating, fmt.Sprintf("a file shows %s again: putting %s back", short(r.Old.ID), short(r.New.ID))))
}

// overlap is both keys Active, the files on the new one.
func overlap(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	end := r.Validated.Add(s.Overlap)
	if r.RetireNow {
		return retire(f, now)
	}
	if quiet := r.Swapped.Add(undisturbed); quiet.After(end) {
		end = quiet
	}
	if now.Before(end) {
		return wait(Overlap, end, short(r.Old.ID)+" stays usable until then, then it is deactivated")
	}
	if readable := minTime(r.Swapped.Add(useLag), end); r.UseRead.Before(readable) {
		return act(CheckUse, Overlap, "asking AWS when "+short(r.Old.ID)+" was used last")
	}
	if r.Used != nil && r.Used.At.After(r.Swapped.Add(useGrain)) {
		if now.Sub(r.UseRead) >= recheck || f.Ask.Person && now.Sub(r.UseRead) >= fresh {
			return act(CheckUse, Overlap, "asking AWS again when "+short(r.Old.ID)+" was used last")
		}
		return blocked(r.UseRead.Add(recheck), fmt.Sprintf("%s is still used: by %s in %s, %s", short(r.Old.ID), r.Used.Service, r.Used.Region,
			formatAgo(r.Used.At, now)), "keyd rotate --retire-now "+r.Profiles()[0])
	}
	return retire(f, now)
}

// retire deactivates on a fresh look only.
func retire(f Facts, now time.Time) Decision {
	r := f.Rotation
	if stale(f, r.Validated, now) {
		return act(Look, Overlap, "the overlap is over: looking at both keys once more")
	}
	if d, ok := newKeyMissing(f, now); ok {
		return d
	}
	return act(Deactivate, Overlap, short(r.Old.ID)+" is no longer needed")
}

// quarantine is the old key Inactive, not yet deleted.
func quarantine(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	end := r.Deactivated.Add(s.Quarantine)
	if now.Before(end) && !r.RetireNow {
		return wait(Quarantine, end, short(r.Old.ID)+" is inactive and is deleted then; keyd hold makes it usable again")
	}
	if stale(f, r.Deactivated, now) {
		return act(Look, Quarantine, "the quarantine is over: looking at both keys once more")
	}
	if d, ok := newKeyMissing(f, now); ok {
		return d
	}
	if old := f.Seen.Key(r.Old.ID); old != nil && old.Active {
		return blocked(now.Add(recheck), fmt.Sprintf("someone made %s active again during its quarantine", short(r.Old.ID)),
			"keyd hold "+r.Profiles()[0]+" to keep it, keyd rotate --retire-now "+r.Profiles()[0]+" to retire it")
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
	return blocked(now.Add(recheck), why, "aws iam list-access-keys --profile "+r.Profiles()[0]), true
}

// whoseIsIt names the ways out for the person who knows.
func whoseIsIt(r *Rotation) string {
	again := "keyd resume " + r.Profiles()[0]
	if len(r.Suspects) == 0 {
		return again
	}
	return fmt.Sprintf("keyd prune %s %s when nobody needs that key, %s when it is gone", r.Profiles()[0], r.Suspects[0], again)
}

// lostAnswer is a CreateAccessKey whose answer nobody has.
func lostAnswer(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.Stuck != "":
		return blocked(time.Time{}, r.Stuck, whoseIsIt(r))
	case f.Shows.Old == 0: // and so there is no pair to ask AWS with
		return blocked(time.Time{}, fmt.Sprintf("the answer to CreateAccessKey was lost, and the files no longer show %s: nobody can be asked whether a key was made",
			short(r.Old.ID)), "keyd resume "+r.Profiles()[0])
	case r.Orphan != "" && (r.OrphanExact || !now.Before(r.OrphanOff.Add(s.Quarantine))):
		return orTrouble(f, now, act(DropOrphan, Rotating, fmt.Sprintf("%s came from an answer that was lost: nobody has its secret", short(r.Orphan))))
	case r.Orphan != "":
		return wait(Quarantine, r.OrphanOff.Add(s.Quarantine), fmt.Sprintf("%s probably came from an answer that was lost: inactive, deleted then", short(r.Orphan)))
	}
	return orTrouble(f, now, act(Reconcile, Rotating, "the answer to CreateAccessKey was lost: finding out whether a key was made"))
}

// givingUp undoes a rotation whose new key cannot be used.
func givingUp(f Facts, r *Rotation, now time.Time) Decision {
	if f.Shows.New > 0 {
		return orTrouble(f, now, act(PutBack, Rotating, r.Failed+": putting "+short(r.Old.ID)+" back"))
	}
	return orTrouble(f, now, act(Discard, Rotating, r.Failed+": deleting "+short(r.New.ID)+" again"))
}

// stale reports whether the last look is too old to act on: by the clock, or
// because it came before the step that it would have to confirm, or before the
// machine slept. A moment that is yet to come is of a clock that was set back
// since: no look could ever come after it.
func stale(f Facts, step, now time.Time) bool {
	before := func(at time.Time) bool { return f.Seen.At.Before(at) && !at.After(now) }
	return f.Seen == nil || f.Seen.At.After(now) || now.Sub(f.Seen.At) >= fresh || before(step) || before(f.Awake)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// orTrouble holds an action back when its last try failed not long ago. An
// action in another phase is not held back by it.
func orTrouble(f Facts, now time.Time, d Decision) Decision {
	if d.Ends() {
		return d
	}
	if held, ok := afterTrouble(f, now); ok {
		return held
	}
	return d
}

// afterTrouble says how a failed action is waited for.
func afterTrouble(f Facts, now time.Time) (Decision, bool) {
	t := f.Trouble
	switch {
	case t == nil || t.over(f.Awake, now):
		return Decision{}, false
	case t.Definite:
		return blocked(t.until(), t.Why, t.Hint), true
	}
	return Decision{Do: Wait, State: Waiting, Until: t.until(), Why: t.Why, Run: t.Hint}, true
}
