package daemon

import (
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
)

// decideRotation decides about a key in a rotation. It checks the situations
// that can do the most harm first.
func inRotation(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.New.ID == "":
		return lostAnswer(f, r, s, now)
	case f.Shows.Torn > 0: // no one can use the pair: everything else comes later
		return orTrouble(f, s, now, act(Mend, Rotating, fmt.Sprintf("a write was cut short, and a file holds half of %s and half of %s: writing all of %s",
			credfile.Short(r.Old.ID), credfile.Short(r.New.ID), credfile.Short(r.New.ID))))
	case f.Shows.Doubt != nil && (!f.revives() || r.Failed != ""): // some AWS tools use the ambiguous id
		return blocked(time.Time{}, f.Shows.Doubt.Error()+": "+credfile.Short(r.Old.ID)+" and "+credfile.Short(r.New.ID)+" are left as they are", Hint(f.Shows.Doubt))
	case f.Shows.Doubt != nil:
		return revive(f, r, s, now)
	case len(f.Shows.Third) > 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s shows a key other than %s or %s: someone changed it, and keyd overwrites nothing",
			strings.Join(f.Shows.Third, ", "), credfile.Short(r.Old.ID), credfile.Short(r.New.ID)), Command("keyd resume", f.Shows.Third[0]))
	case f.Shows.Old+f.Shows.New == 0 && f.Shows.Away != "" && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s is not there, in the middle of a rotation of %s", f.Shows.Away, credfile.Short(r.Old.ID)),
			"is it on a disk that is not mounted? if it is gone permanently: "+Command("keyd resume", r.Profiles()[0]))
	case f.Shows.Old+f.Shows.New == 0 && r.Failed == "":
		return blocked(time.Time{}, fmt.Sprintf("%s is no longer in the files, in the middle of a rotation",
			strings.Join(f.Shows.Gone, ", ")), "put it back; only if it is gone permanently: "+Command("keyd resume", r.Profiles()[0]))
	case r.Failed != "":
		return givingUp(f, r, s, now)
	case f.revives():
		return revive(f, r, s, now)
	case !r.Held.IsZero():
		return wait(Held, time.Time{}, fmt.Sprintf("held since %s: %s stays usable, keyd resume continues", r.Held.Local().Format("2 Jan 15:04"), credfile.Short(r.Old.ID)))
	case f.Shows.Old > 0 && !r.Validated.IsZero():
		return mending(f, r, s, now)
	}
	return orTrouble(f, s, now, forward(f, r, s, now))
}

// decideRevive makes the old key Active again for a person who holds the rotation.
func revive(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	return orTrouble(f, s, now, act(Revive, Held, credfile.Short(r.Old.ID)+" is made usable again: the rotation is held"))
}

// wantsOldKeyBack reports whether a person holds the rotation and the old key
// has, or may have, been made Inactive.
func (f *Facts) revives() bool { return !f.Rotation.Held.IsZero() && !f.Rotation.Deactivating.IsZero() }

// decideForward decides the next step of an undisturbed rotation.
func forward(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case f.Shows.Old > 0 && !f.Proven:
		return act(Prove, Rotating, credfile.Short(r.New.ID)+" is not in any file until AWS accepts it reliably")
	case f.Shows.Old > 0:
		return act(Swap, Rotating, credfile.Short(r.New.ID)+" is accepted: replacing "+credfile.Short(r.Old.ID))
	case r.Validated.IsZero(), !r.Mending.IsZero():
		return act(Validate, Rotating, "the files show "+credfile.Short(r.New.ID)+": checking what is on disk")
	case f.copyOf(r.Old.ID) != nil:
		return keepsCopy(f.copyOf(r.Old.ID), now)
	case s.DescribeKeys && !r.Described:
		return act(Describe, Overlap, "tagging "+credfile.Short(r.New.ID)+" for the console")
	case r.Deactivated.IsZero():
		return overlap(f, r, s, now)
	}
	return quarantine(f, r, s, now)
}

// decideMend decides when a file shows the old id again after the new one was
// validated: a backup, a dotfile manager or a stale editor buffer wrote it.
func mending(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if !f.Proven {
		return orTrouble(f, s, now, act(Prove, Rotating, fmt.Sprintf("a file shows %s again: checking that %s still works", credfile.Short(r.Old.ID), credfile.Short(r.New.ID))))
	}
	return orTrouble(f, s, now, act(Swap, Rotating, fmt.Sprintf("a file shows %s again: putting %s back", credfile.Short(r.Old.ID), credfile.Short(r.New.ID))))
}

// decideLostAnswer decides when the answer to CreateAccessKey was lost.
func lostAnswer(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	switch {
	case r.Stuck != "":
		return blocked(time.Time{}, r.Stuck, whoseIsIt(r))
	case f.Shows.Old == 0: // so keyd has no pair to sign with
		return blocked(time.Time{}, fmt.Sprintf("the answer to CreateAccessKey was lost, and the files no longer show %s: keyd cannot ask AWS whether a key was made",
			credfile.Short(r.Old.ID)), Command("keyd resume", r.Profiles()[0]))
	case !r.Held.IsZero():
		left := "whether the lost CreateAccessKey call made a key is left open" // closing it here could start another rotation
		if r.Orphan != "" {
			left = credfile.Short(r.Orphan) + ", which came from a call whose answer was lost, stays inactive and is not deleted"
		}
		return wait(Held, time.Time{}, fmt.Sprintf("held since %s: %s, keyd resume continues", r.Held.Local().Format("2 Jan 15:04"), left))
	case r.Orphan != "":
		return orTrouble(f, s, now, orphaned(f, r, s, now))
	}
	return orTrouble(f, s, now, act(Reconcile, Rotating, "the answer to CreateAccessKey was lost: finding out whether a key was made"))
}

// decideOrphan decides about a key that came from a call whose answer was lost,
// and that keyd has made Inactive. Its quarantine is measured only with a clock
// that agrees with AWS's.
func orphaned(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	drop := act(DropOrphan, Rotating, fmt.Sprintf("%s came from a call whose answer was lost: no one has its secret", credfile.Short(r.Orphan)))
	if r.OrphanExact {
		return drop
	}
	if d, ok := tooEarly(f, now, Quarantine); ok {
		return d
	}
	if end := r.OrphanOff.Add(s.Quarantine); now.Before(end) {
		return wait(Quarantine, end, fmt.Sprintf("%s probably came from a call whose answer was lost: it is inactive and is deleted then, or now by keyd rotate --retire-now", credfile.Short(r.Orphan)))
	}
	if stale(f, time.Time{}, now) {
		return act(Look, Quarantine, "the quarantine is over: asking AWS once more")
	}
	if d, off := clockOff(f, now); off {
		return d
	}
	return drop
}

// SuspectHint asks the person whether the suspect key is still needed, and names
// the command for each answer.
func whoseIsIt(r *Rotation) string {
	again := Command("keyd resume", r.Profiles()[0])
	if len(r.Suspects) == 0 {
		return again
	}
	return "does no one need that key? " + Command("keyd prune", r.Profiles()[0], r.Suspects[0]) + "; is it gone? " + again
}

// decideGiveUp undoes a rotation whose new key cannot be used.
func givingUp(f Facts, r *Rotation, s Settings, now time.Time) Decision {
	if f.Shows.New > 0 {
		return orTrouble(f, s, now, act(PutBack, Rotating, r.Failed+": putting "+credfile.Short(r.Old.ID)+" back"))
	}
	if err := f.copyOf(r.New.ID); err != nil {
		return keepsCopy(err, now)
	}
	return orTrouble(f, s, now, act(Discard, Rotating, r.Failed+": deleting "+credfile.Short(r.New.ID)+" again"))
}
