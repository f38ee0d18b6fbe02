package daemon

import (
	"fmt"
	"strings"
	"time"
)

// inRotation goes through the phases from the end that can hurt most.
func inRotation(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.New.ID == "":
		return lostAnswer(f, r, s, now)
	case f.Shows.Torn > 0: // nobody can use it: whatever else there is comes after
		return orTrouble(f, s, now, act(Mend, Rotating, fmt.Sprintf("a write was cut off, and a file shows half of %s and half of %s: making it %s",
			short(r.Old.ID), short(r.New.ID), short(r.New.ID))))
	case f.Shows.Doubt != nil && (!f.revives() || r.Failed != ""): // some readers use what stands there
		return blocked(time.Time{}, f.Shows.Doubt.Error()+": "+short(r.Old.ID)+" and "+short(r.New.ID)+" are left as they are", Hint(f.Shows.Doubt))
	case f.Shows.Doubt != nil:
		return revive(f, r, s, now)
	case len(f.Shows.Third) > 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s shows another key than %s or %s: someone changed it, and keyd overwrites nothing",
			strings.Join(f.Shows.Third, ", "), short(r.Old.ID), short(r.New.ID)), Command("keyd resume", f.Shows.Third[0]))
	case f.Shows.Old+f.Shows.New == 0 && f.Shows.Away != "" && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s is not there, in the middle of a rotation of %s", f.Shows.Away, short(r.Old.ID)),
			"is it on a disk that is not mounted? when it is gone for good: "+Command("keyd resume", r.Profiles()[0]))
	case f.Shows.Old+f.Shows.New == 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s is no longer in the files, in the middle of a rotation",
			strings.Join(f.Shows.Gone, ", ")), "put it back; only when it is gone for good: "+Command("keyd resume", r.Profiles()[0]))
	case r.Failed != "":
		return givingUp(f, r, s, now)
	case f.revives():
		return revive(f, r, s, now)
	case !r.Held.IsZero():
		return wait(Held, time.Time{}, fmt.Sprintf("held since %s: %s stays usable, keyd resume goes on", r.Held.Local().Format("2 Jan 15:04"), short(r.Old.ID)))
	case f.Shows.Old > 0 && !r.Validated.IsZero():
		return mending(f, r, s, now)
	}
	return orTrouble(f, s, now, forward(f, r, s, now))
}

// revive gives a person the old key back.
func revive(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	return orTrouble(f, s, now, act(Revive, Held, short(r.Old.ID)+" is to be usable again: a person holds the rotation"))
}

// revives reports whether a person wants the old key back that was, or may have
// been, made Inactive.
func (f *Facts) revives() bool { return !f.Rotation.Held.IsZero() && !f.Rotation.Deactivating.IsZero() }

// forward is an undisturbed rotation.
func forward(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case f.Shows.Old > 0 && !f.Proven:
		return act(Prove, Rotating, short(r.New.ID)+" is not in any file until AWS accepts it steadily")
	case f.Shows.Old > 0:
		return act(Swap, Rotating, short(r.New.ID)+" is accepted: replacing "+short(r.Old.ID))
	case r.Validated.IsZero(), !r.Mending.IsZero():
		return act(Validate, Rotating, "the files show "+short(r.New.ID)+": checking what is on disk")
	case f.copyOf(r.Old.ID) != nil:
		return keepsCopy(f.copyOf(r.Old.ID), now)
	case s.DescribeKeys && !r.Described:
		return act(Describe, Overlap, "tagging "+short(r.New.ID)+" for the console")
	case r.Deactivated.IsZero():
		return overlap(f, r, s, now)
	}
	return quarantine(f, r, s, now)
}

// mending is a file that shows the old id again after it was validated: a
// backup, a dotfile manager, a stale editor buffer.
func mending(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if !f.Proven {
		return orTrouble(f, s, now, act(Prove, Rotating, fmt.Sprintf("a file shows %s again: checking that %s still works", short(r.Old.ID), short(r.New.ID))))
	}
	return orTrouble(f, s, now, act(Swap, Rotating, fmt.Sprintf("a file shows %s again: putting %s back", short(r.Old.ID), short(r.New.ID))))
}

// lostAnswer is a CreateAccessKey whose answer nobody has.
func lostAnswer(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.Stuck != "":
		return blocked(time.Time{}, r.Stuck, whoseIsIt(r))
	case f.Shows.Old == 0: // and so there is no pair to ask AWS with
		return blocked(time.Time{}, fmt.Sprintf("the answer to CreateAccessKey was lost, and the files no longer show %s: nobody can be asked whether a key was made",
			short(r.Old.ID)), Command("keyd resume", r.Profiles()[0]))
	case !r.Held.IsZero():
		left := "whether a key came from the answer that was lost is left open" // what then follows might be another rotation
		if r.Orphan != "" {
			left = short(r.Orphan) + ", which came from an answer that was lost, stays inactive and is not deleted"
		}
		return wait(Held, time.Time{}, fmt.Sprintf("held since %s: %s, keyd resume goes on", r.Held.Local().Format("2 Jan 15:04"), left))
	case r.Orphan != "":
		return orTrouble(f, s, now, orphaned(f, r, s, now))
	}
	return orTrouble(f, s, now, act(Reconcile, Rotating, "the answer to CreateAccessKey was lost: finding out whether a key was made"))
}

// orphaned is a key that came from the lost answer, and is Inactive. Its time is
// by a clock that AWS agrees with.
func orphaned(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	drop := act(DropOrphan, Rotating, fmt.Sprintf("%s came from an answer that was lost: nobody has its secret", short(r.Orphan)))
	if r.OrphanExact {
		return drop
	}
	if d, ok := tooEarly(f, now, Quarantine); ok {
		return d
	}
	if end := r.OrphanOff.Add(s.Quarantine); now.Before(end) {
		return wait(Quarantine, end, fmt.Sprintf("%s probably came from an answer that was lost: inactive, deleted then, or now by keyd rotate --retire-now", short(r.Orphan)))
	}
	if stale(f, time.Time{}, now) {
		return act(Look, Quarantine, "the quarantine is over: asking AWS once more")
	}
	if d, off := clockOff(f, now); off {
		return d
	}
	return drop
}

// whoseIsIt names the ways out for the person who knows.
func whoseIsIt(r *Rotation) string {
	again := Command("keyd resume", r.Profiles()[0])
	if len(r.Suspects) == 0 {
		return again
	}
	return "does nobody need that key? " + Command("keyd prune", r.Profiles()[0], r.Suspects[0]) + "; is it gone? " + again
}

// givingUp undoes a rotation whose new key cannot be used.
func givingUp(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if f.Shows.New > 0 {
		return orTrouble(f, s, now, act(PutBack, Rotating, r.Failed+": putting "+short(r.Old.ID)+" back"))
	}
	if err := f.copyOf(r.New.ID); err != nil {
		return keepsCopy(err, now)
	}
	return orTrouble(f, s, now, act(Discard, Rotating, r.Failed+": deleting "+short(r.New.ID)+" again"))
}
