package decide

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// phase is how far a rotation has come, according to its journal. The files can
// contradict it, so decideRotation looks at them first.
type phase uint8

// The phases, in the order of a rotation.
const (
	phaseCreate     phase = iota // CreateAccessKey was sent, and its result is unknown
	phaseProof                   // the new key is in the journal, and no file was swapped
	phaseValidation              // the files were swapped
	phaseOverlap                 // the pair in the files was validated, and the old key is Active
	phaseQuarantine              // the old key is Inactive
)

// phaseOf returns the phase of a rotation.
func phaseOf(r *journal.Rotation) phase {
	switch {
	case r.New.ID == "":
		return phaseCreate
	case r.IsRetirement() && r.Deactivated.IsZero(): // no file is swapped
		return phaseProof
	case r.IsRetirement():
		return phaseQuarantine
	case r.Validated.IsZero() && r.Swapped.IsZero():
		return phaseProof
	case r.Validated.IsZero():
		return phaseValidation
	case r.Deactivated.IsZero():
		return phaseOverlap
	}
	return phaseQuarantine
}

// DescribeRotation says in two lines which keys a rotation has, which one the files
// show, and what happens next, for a person who has interrupted it.
func DescribeRotation(r *journal.Rotation) string {
	if r.IsRetirement() {
		return describeRetirement(r)
	}
	switch phaseOf(r) {
	case phaseCreate:
		return fmt.Sprintf("CreateAccessKey was sent, and its result is unknown.\nthe files show %s, which still works; the next pass finds out whether a key was created", r.Old)
	case phaseProof:
		return fmt.Sprintf("%s exists at AWS and is stored here, but no file shows it yet.\nthe files show %s, which still works; the next pass continues with %s", r.New, r.Old, r.New)
	case phaseValidation:
		return fmt.Sprintf("the files show %s.\n%s stays usable; the next pass validates the files", r.New, r.Old)
	case phaseOverlap:
		return fmt.Sprintf("the files show %s, which works.\n%s stays usable until the overlap is over", r.New, r.Old)
	}
	return fmt.Sprintf("the files show %s, which works.\n%s is inactive and not deleted yet", r.New, r.Old)
}

// decideRotation decides about a key in a rotation. It checks the situations
// that can do the most harm first.
func decideRotation(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	switch {
	case phaseOf(r) == phaseCreate && ExcludedBy(f, s) != "" && r.StuckReason == "":
		return waitExcluded(f, r, s, "whether the lost CreateAccessKey call made a key is left open")
	case phaseOf(r) == phaseCreate:
		return decideLostAnswer(f, r, s, now)
	case f.Placement.Spoiled:
		return heal(orWaitForRetry(f, s, now, actNow(DoMend, StateRotating, fmt.Sprintf("a file shows %s with a secret that is not its own: writing the right one", credfile.Short(r.New.ID)))))
	case f.Placement.Torn > 0: // no one can use the pair: everything else comes later
		return heal(orWaitForRetry(f, s, now, actNow(DoMend, StateRotating, fmt.Sprintf("a write was cut short, and a file holds half of %s and half of %s: writing all of %s",
			credfile.Short(r.Old.ID), credfile.Short(r.New.ID), credfile.Short(r.New.ID)))))
	case f.Placement.Ambiguous != nil && (!f.wantsOldKeyBack() || r.GiveUpReason != ""): // some AWS tools use the ambiguous id
		return BlockUntil(time.Time{}, f.Placement.Ambiguous.Error()+": "+credfile.Short(r.Old.ID)+" and "+credfile.Short(r.New.ID)+" are left as they are", hint.Hint(f.Placement.Ambiguous)).InShort("AWS tools read it unlike")
	case f.Placement.Ambiguous != nil:
		return decideRevive(f, r, s, now)
	case len(f.Placement.Foreign) > 0 && r.GiveUpReason == "" && f.otherFile(r) != "":
		return BlockUntil(time.Time{}, fmt.Sprintf("%s shows a key other than %s or %s, and %s shows one of them: it was the file of the rotation, or is a copy of it",
			strings.Join(f.Placement.Foreign, ", "), credfile.Short(r.Old.ID), credfile.Short(r.New.ID), f.otherFile(r)),
			"let the path of the AWS files lead there again, if it did before; otherwise: "+hint.Command("keyd resume", f.Placement.Foreign[0])).InShort("files show another key")
	case len(f.Placement.Foreign) > 0 && r.GiveUpReason == "":
		return BlockUntil(time.Time{}, fmt.Sprintf("%s shows a key other than %s or %s: someone changed it, and keyd overwrites nothing",
			strings.Join(f.Placement.Foreign, ", "), credfile.Short(r.Old.ID), credfile.Short(r.New.ID)), hint.Command("keyd resume", f.Placement.Foreign[0])).InShort("files show another key")
	case f.isGone() && f.Placement.Unmounted != "" && r.GiveUpReason == "":
		return blockForUnmounted(f, "")
	case f.isGone() && r.GiveUpReason == "":
		return BlockUntil(time.Time{}, fmt.Sprintf("%s is no longer in the files, in the middle of a rotation",
			strings.Join(f.Placement.Missing, ", ")), "put it back; only if it is gone permanently: "+hint.Command("keyd resume", r.Profiles()[0])).InShort("gone from the files")
	case r.GiveUpReason != "":
		return decideGiveUp(f, r, s, now)
	case !r.NewDead.IsZero() && phaseOf(r) >= phaseOverlap:
		return decideDeadKey(f, r, s, now)
	case f.wantsOldKeyBack():
		return decideRevive(f, r, s, now)
	case !r.Held.IsZero():
		if d, ok := watchNewKey(f, r, now, StateHeld); ok && phaseOf(r) >= phaseOverlap && f.Placement.ShowsNew() && !f.neverSigns(s) {
			return d
		}
		if f.isOldGone() {
			return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s, but %s: nothing brings it back; to end the rotation: %s", heldSince(r), goneText(r), resumeCommand(r))).InShort(heldShort)
		}
		if f.isOldOff() {
			return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s, but %s; this makes it usable again: %s; to continue: %s", heldSince(r), offText(r), hint.Command("keyd hold", r.Profiles()[0]), resumeCommand(r))).InShort(heldShort)
		}
		return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s: %s stays usable; to continue: %s", heldSince(r), credfile.Short(r.Old.ID), resumeCommand(r))).InShort(heldShort)
	case f.Placement.ShowsOld() && phaseOf(r) >= phaseOverlap:
		return heal(decideMend(f, r, s, now))
	case ExcludedBy(f, s) != "":
		return orWaitForRetry(f, s, now, decideExcluded(f, r, s, now))
	}
	return orWaitForRetry(f, s, now, decideForward(f, r, s, now))
}

// decideRevive makes the old key Active again for a person who holds the rotation.
func decideRevive(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	return heal(orWaitForRetry(f, s, now, actNow(DoRevive, StateHeld, credfile.Short(r.Old.ID)+" is made usable again: the rotation is held")))
}

// isGone reports whether no profile shows a key of the rotation any more, although it has
// some.
func (f *Facts) isGone() bool {
	return f.Placement.Old+f.Placement.New == 0 && !f.Placement.OnlyLinks(f.Rotation)
}

// otherFile returns a known file that this process does not read now, and that shows a key of
// the rotation; "" when there is none. The path of the AWS files may be a link that now leads
// elsewhere.
func (f *Facts) otherFile(r *journal.Rotation) string {
	return cmp.Or(f.Copies[r.New.ID], f.Copies[r.Old.ID])
}

// wantsOldKeyBack reports whether a person holds the rotation and the old key
// has, or may have, been made Inactive. Where somebody else has made it Inactive, only a
// person who holds the rotation now wants it back: keyd quarrels with nobody.
func (f *Facts) wantsOldKeyBack() bool {
	return !f.Rotation.Held.IsZero() && (!f.Rotation.DeactivateStarted.IsZero() || f.Options.Manual && f.isOldOff() && f.Seen.At.After(f.Rotation.Held.Add(-FreshFor)))
}

// decideForward decides the next step of an undisturbed rotation.
func decideForward(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if d, ok := decideHook(f, s, now, StateRotating); ok && phaseOf(r) >= phaseOverlap && r.MendStarted.IsZero() {
		return d
	}
	if d, ok := blockForAbsent(f); ok && phaseOf(r) == phaseProof && !f.Placement.ShowsNew() { // the files change together or not at all
		return d
	}
	switch {
	case f.Placement.ShowsOld() && !f.Proven:
		return actNow(DoProve, StateRotating, credfile.Short(r.New.ID)+" is not in your files yet: AWS does not accept it everywhere so far")
	case isTooYoung(f, r, s, now):
		return WaitUntil(StateRotating, r.Created.Add(swapPatience), fmt.Sprintf("AWS accepts %s; keyd asks once more before it changes the files, which show %s until then", credfile.Short(r.New.ID), credfile.Short(r.Old.ID))).InShort("proving the new key")
	case f.Placement.ShowsOld():
		return actNow(DoSwap, StateRotating, credfile.Short(r.New.ID)+" is accepted: replacing "+credfile.Short(r.Old.ID))
	case phaseOf(r) < phaseOverlap, !r.MendStarted.IsZero():
		return heal(actNow(DoValidate, StateRotating, "the files show "+credfile.Short(r.New.ID)+": checking what is on disk"))
	case f.CopyErr(r.Old.ID) != nil:
		return BlockForCopy(f.CopyErr(r.Old.ID), now)
	case s.DescribeKeys && !r.Described && f.mayControl(now):
		return actNow(DoDescribe, StateOverlap, "tagging "+credfile.Short(r.New.ID)+" for the console")
	case phaseOf(r) == phaseOverlap:
		return decideOverlap(f, r, s, now)
	}
	return decideQuarantine(f, r, s, now)
}

// swapPatience is how old a new key is before the daemon writes it into the files: STS and
// IAM may know it before other services do. A person who waits at keyd rotate is not
// kept waiting.
// Source: AWS documents no limit; EC2 has been seen to refuse a key 30 s after STS
// accepted it.
const swapPatience = 5 * time.Minute

// isTooYoung reports whether the daemon waits before the first swap. It does not wait
// when a file shows the new key already, or by a clock that has been set back.
func isTooYoung(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) bool {
	young := now.Before(r.Created.Add(swapPatience)) && r.Created.Sub(now) <= journal.MaxClockOffset
	return young && f.Placement.ShowsOld() && !f.Placement.ShowsNew() && phaseOf(r) == phaseProof && !f.Options.Manual && !f.Options.Hurry && !s.Unknown
}

// decideMend decides when a file shows the old id again after the new one was
// validated: a backup, a dotfile manager or a stale editor buffer wrote it.
func decideMend(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if !f.Proven {
		return orWaitForRetry(f, s, now, actNow(DoProve, StateRotating, fmt.Sprintf("a file shows %s again: checking that %s still works", credfile.Short(r.Old.ID), credfile.Short(r.New.ID))))
	}
	return orWaitForRetry(f, s, now, actNow(DoSwap, StateRotating, fmt.Sprintf("a file shows %s again: putting %s back", credfile.Short(r.Old.ID), credfile.Short(r.New.ID))))
}

// decideGiveUp undoes a rotation whose new key cannot be used. A person who holds it, or
// has excluded its profile, keeps both keys.
func decideGiveUp(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if f.Placement.ShowsNew() {
		return heal(orWaitForRetry(f, s, now, actNow(DoPutBack, StateRotating, r.GiveUpReason+": putting "+credfile.Short(r.Old.ID)+" back")))
	}
	if d, ok := decideHook(f, s, now, StateRotating); ok { // the other place may hold the new pair, which is given up
		return d
	}
	if d, ok := waitForHooks(f, s, now); ok {
		return d
	}
	if !r.Held.IsZero() {
		return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s: %s, and the files show %s; this deletes %s: %s", heldSince(r), r.GiveUpReason, credfile.Short(r.Old.ID), credfile.Short(r.New.ID), resumeCommand(r))).InShort(heldShort)
	}
	if ExcludedBy(f, s) != "" {
		return waitExcluded(f, r, s, fmt.Sprintf("%s: the files show %s, and %s is not deleted", r.GiveUpReason, credfile.Short(r.Old.ID), credfile.Short(r.New.ID)))
	}
	if err := f.CopyErr(r.New.ID); err != nil {
		return BlockForCopy(err, now)
	}
	if d, ok := blockForAbsent(f); ok {
		return d
	}
	return orWaitForRetry(f, s, now, actNow(DoDiscard, StateRotating, r.GiveUpReason+": deleting "+credfile.Short(r.New.ID)+" again"))
}

// heldShort is for one cell of a table.
const heldShort = "both keys are kept"

// heldSince says since when a person holds the rotation.
func heldSince(r *journal.Rotation) string {
	return "on hold since " + r.Held.Local().Format("2 Jan 15:04")
}

// resumeCommand returns the command that lets a rotation continue.
func resumeCommand(r *journal.Rotation) string { return hint.Command("keyd resume", r.Profiles()[0]) }
