package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// decideDeadKey decides when AWS refuses the new key after the files showed it: someone
// has made it Inactive or deleted it. This is the most urgent thing that keyd can say.
// Only a person can tell whether that was meant, so keyd writes the old pair into the
// files only for a person who holds the rotation.
func decideDeadKey(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	old, next := credfile.Short(r.Old.ID), credfile.Short(r.New.ID)
	asked := now.Sub(r.NewDead)
	again := asked >= RecheckEvery || asked < -journal.MaxClockOffset || f.Options.Manual && !f.Watched
	switch {
	case !f.Placement.ShowsNew() && r.Held.IsZero():
		return BlockUntil(time.Time{}, fmt.Sprintf("%s, and the files show %s again", deadText(r), old), "to keep it: "+hint.Command("keyd hold", r.Profiles()[0])).InShort(deadShort)
	case !f.Placement.ShowsNew(): // nothing is asked with the new key: the person has decided
		if d, ok := decideHook(f, s, now, StateHeld); ok {
			return d
		}
		if d, ok := waitForHooks(f, s, now); ok {
			if !d.NeedsPerson() {
				d.State = StateHeld
			}
			return d
		}
		return WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s: %s, and the files show %s; this deletes %s, and %s is replaced later: %s", heldSince(r), deadText(r), old, next, old, resumeCommand(r))).InShort(deadShort)
	case again && !f.neverSigns(s):
		return orWaitForRetry(f, s, now, actNow(DoLook, StateBlocked, "asking AWS once more whether "+next+" works"))
	case !r.Held.IsZero():
		return orWaitForRetry(f, s, now, actNow(DoPutBack, StateHeld, deadText(r)+": putting "+old+" back"))
	}
	return BlockUntil(r.NewDead.Add(RecheckEvery), deadText(r)+whatOldKeyIs(r), deadKeyHint(r)).InShort(deadShort)
}

// deadShort is deadText for one cell of a table.
const deadShort = "AWS refuses the new key"

// deadText says what has happened to the new key.
func deadText(r *journal.Rotation) string {
	return fmt.Sprintf("AWS refuses %s, which keyd wrote into the files: someone made it inactive or deleted it", credfile.Short(r.New.ID))
}

// DeadKeyReason is why a rotation is given up whose new key someone has made Inactive or
// deleted.
func DeadKeyReason(r *journal.Rotation) string {
	return fmt.Sprintf("AWS refuses %s: someone made it inactive or deleted it", credfile.Short(r.New.ID))
}

// whatOldKeyIs continues deadText with what can still be done with the old key.
func whatOldKeyIs(r *journal.Rotation) string {
	switch {
	case r.Old.Secret.IsZero():
		return fmt.Sprintf("; keyd no longer has the secret of %s", credfile.Short(r.Old.ID))
	case r.DeactivateStarted.IsZero():
		return fmt.Sprintf("; %s still works, as far as keyd knows", credfile.Short(r.Old.ID))
	}
	return fmt.Sprintf("; %s is inactive, and only an administrator can change that now", credfile.Short(r.Old.ID))
}

// deadKeyHint returns what a person can do. keyd can sign nothing with two keys that AWS
// refuses.
func deadKeyHint(r *journal.Rotation) string {
	hold, rotate := hint.Command("keyd hold", r.Profiles()[0]), hint.Command("keyd rotate", r.Profiles()[0])
	switch {
	case r.Old.Secret.IsZero():
		return fmt.Sprintf("make %s active again in the console of AWS, user %s, then: %s", r.New.ID, r.User, rotate)
	case r.DeactivateStarted.IsZero():
		return fmt.Sprintf("to put %s back into the files: %s", credfile.Short(r.Old.ID), hold)
	}
	return fmt.Sprintf("in the console of AWS, user %s: make %s active again, then %s; or, if it is deleted, make %s active, then %s", r.User, r.New.ID, rotate, r.Old.ID, hold)
}
