package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// foreignCallLimit is how long a CreateAccessKey that another installation sent is left
// to that one: AWS accepts no request that is older.
// Source: IAM user guide, "Create a signed AWS API request".
const foreignCallLimit = 15 * time.Minute

// decideLostAnswer decides when the answer to CreateAccessKey was lost.
func decideLostAnswer(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	switch {
	case r.StuckReason != "" && (r.Reconciled.IsZero() || f.Placement.Old == 0): // an earlier keyd wrote it, or keyd has no pair to ask with
		return BlockUntil(time.Time{}, r.StuckReason, SuspectHint(r)).InShort(lostShort)
	case f.Placement.Old == 0:
		return BlockUntil(time.Time{}, fmt.Sprintf("the answer to CreateAccessKey was lost, and the files no longer show %s: keyd cannot ask AWS whether a key was made",
			credfile.Short(r.Old.ID)), hint.Command("keyd resume", r.Profiles()[0])).InShort(lostShort)
	}
	if d, ok := checkFutureWaits(f, now, StateWaiting); ok && r.Held.IsZero() {
		return d
	}
	switch again := r.Reconciled.Add(RecheckEvery); {
	case r.StuckReason != "" && now.Before(again) && !(f.Options.Manual && now.Sub(r.Reconciled) >= FreshFor):
		return BlockUntil(again, r.StuckReason, SuspectHint(r)).InShort(lostShort) // by then someone may have used or deleted the key
	case !r.Held.IsZero():
		left := "whether the lost CreateAccessKey call made a key is left open" // closing it here could start another rotation
		if r.OrphanID != "" {
			left = credfile.Short(r.OrphanID) + ", which came from a call whose answer was lost, is left as it is and is not deleted"
		}
		return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s: %s; to continue: %s", heldSince(r), left, resumeCommand(r))).InShort(heldShort)
	case r.OrphanID != "":
		return orWaitForRetry(f, s, now, decideOrphan(f, r, s, now))
	case r.IsForeignTo(f.Installation) && now.Sub(r.CreateSent).Abs() < foreignCallLimit:
		short := "keyd on " + hostOf(r) + " replaces it"
		if f.hasNameOf(r) {
			short = "another keyd replaces it"
		}
		return WaitUntil(StateWaiting, r.CreateSent.Add(foreignCallLimit), foreignKeyd(f, r)+" is replacing this key").InShort(short)
	case now.Before(r.JudgeAt) && r.JudgeAt.Sub(now) <= UseReportDelay+journal.MaxClockOffset: // no key can be younger
		return WaitUntil(StateWaiting, r.JudgeAt, fmt.Sprintf("the answer to CreateAccessKey was lost, and %s appeared at AWS: whether anyone uses it is known then", credfile.ShortList(r.Suspects))).InShort(lostShort)
	}
	d := orWaitForRetry(f, s, now, actNow(DoReconcile, StateRotating, "the answer to CreateAccessKey was lost: finding out whether a key was made"))
	if d.Do == DoReconcile && r.IsCallInFuture(now) && f.mayControl(now) { // keys are judged by a right clock only; without a session it comes first
		if look, ok := compareClock(f, now, StateWaiting); ok {
			return look
		}
	}
	return d
}

// lostShort is for one cell of a table.
const lostShort = "AWS's answer was lost"

// decideOrphan decides about a key that came from a call whose answer was lost. It is
// made Inactive once AWS's record of its uses can be believed, and deleted after the
// quarantine. Both waits are measured only with a clock that agrees with AWS's.
func decideOrphan(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	if r.OrphanDeactivated.IsZero() {
		return decideSetAside(f, r, now)
	}
	if end := r.OrphanDeactivated.Add(s.Quarantine); now.Before(end) {
		return WaitUntil(StateQuarantine, end, fmt.Sprintf("%s probably came from a call whose answer was lost: it is inactive, and is deleted when the quarantine is over, or now by %s",
			credfile.Short(r.OrphanID), hint.Command("keyd prune", r.Profiles()[0], r.OrphanID))).InShort(credfile.Short(r.OrphanID) + " is off")
	}
	if f.Seen != nil && stillBelieved(f, now) {
		if d, off := checkClock(f, now); off {
			return d
		}
	}
	if lookIsStale(f, time.Time{}, now) && f.mayControl(now) {
		return actNow(DoLook, StateQuarantine, "the quarantine is over: asking AWS once more")
	}
	if f.Seen == nil {
		return actNow(DoLook, StateQuarantine, "the quarantine is over: asking AWS once more")
	}
	if d, off := checkClock(f, now); off {
		return d
	}
	return actNow(DoDropOrphan, StateRotating, fmt.Sprintf("%s came from a call whose answer was lost: no one has its secret", credfile.Short(r.OrphanID)))
}

// decideSetAside decides about an orphan that is not yet Inactive. The step looks at
// everything once more.
func decideSetAside(f Facts, r *journal.Rotation, now time.Time) Decision {
	if lookIsStale(f, r.Reconciled, now) && f.mayControl(now) {
		return actNow(DoLook, StateRotating, "looking once more at "+credfile.Short(r.OrphanID)+", which came from a call whose answer was lost")
	}
	if f.Seen == nil {
		return actNow(DoLook, StateRotating, "looking once more at "+credfile.Short(r.OrphanID)+", which came from a call whose answer was lost")
	}
	if d, off := checkClock(f, now); off {
		return d
	}
	if key := f.Seen.FindKey(r.OrphanID); key != nil {
		if ripe := key.Created.Add(UseReportDelay).Add(-f.Seen.Offset); now.Before(ripe) {
			return WaitUntil(StateWaiting, ripe, fmt.Sprintf("the answer to CreateAccessKey was lost, and %s appeared at AWS: whether anyone uses it is known then", credfile.Short(r.OrphanID))).InShort(lostShort)
		}
	}
	return actNow(DoSetAside, StateRotating, fmt.Sprintf("%s came from a call whose answer was lost, and no one has used it", credfile.Short(r.OrphanID)))
}

// SuspectHint says how a person can help when keyd cannot tell who made a key. If AWS does
// not let this user read its uses, the key may be another machine's, so the hint does not
// lead to its removal.
func SuspectHint(r *journal.Rotation) string {
	again := hint.Command("keyd resume", r.Profiles()[0])
	switch {
	case len(r.Suspects) == 0:
		return again
	case r.UseUnread:
		return "allow this user iam:GetAccessKeyLastUsed, see " + hint.Command("keyd policy", r.Profiles()[0]) + "; then " + hint.Command("keyd rotate", r.Profiles()[0])
	}
	return "if no one needs that key: " + hint.Command("keyd prune", r.Profiles()[0], r.Suspects[0]) + "; if it is gone: " + again
}
