package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// ExcludedBy returns why the settings exclude a key whose rotation is in progress, or "".
// The account in the id of the old key does not count: a rotation of a decoy never began.
func ExcludedBy(f Facts, s settings.Settings) string {
	what, file := findExclusion(f, s)
	if what == "" {
		return ""
	}
	return what + " in " + file
}

// findExclusion returns what excludes a key, and the file that says so; see ExcludedBy.
func findExclusion(f Facts, s settings.Settings) (what, file string) {
	switch {
	case s.Unknown:
		return "", ""
	case s.RotateAfterFor(f.Profiles) == settings.Never:
		return "rotate = never", s.ExcludingFile(f.Profiles)
	case f.neverSigns(s):
		return "never_accounts", s.FileOfAccount(excludedAccount(f.ID, f.KnownAccount(), s))
	}
	return "", ""
}

// ExcludedHint says how to do what the exclusion of a key prevents.
func ExcludedHint(do string, f Facts, s settings.Settings) string {
	what, file := findExclusion(f, s)
	return s.EditHint(file, "to "+do+", take this out of keyd.ini: "+what)
}

// neverSigns reports whether the settings forbid to sign with a key of this account,
// except to put a pair that works into the files again.
func (f *Facts) neverSigns(s settings.Settings) bool {
	return NeverSignReason(f.ID, f.KnownAccount(), s) != ""
}

// decideExcluded decides about a rotation whose profile was excluded after it had begun.
// No key is created, deactivated or deleted. What the files show is still checked, and
// cases before this one repair it.
func decideExcluded(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	old, next := credfile.Short(r.Old.ID), credfile.Short(r.New.ID)
	if phaseOf(r) == phaseProof && !f.Placement.ShowsNew() {
		return waitExcluded(f, r, s, fmt.Sprintf("the files show %s, and %s stays as it is", old, next))
	}
	if !f.Placement.ShowsOld() && (phaseOf(r) < phaseOverlap || !r.MendStarted.IsZero()) {
		return actNow(DoValidate, StateRotating, "the files show "+next+": checking what is on disk")
	}
	if d, ok := watchNewKey(f, r, now, StateHeld); ok && phaseOf(r) >= phaseOverlap && !f.neverSigns(s) {
		return d
	}
	if phaseOf(r) == phaseQuarantine {
		return waitExcluded(f, r, s, fmt.Sprintf("%s is inactive and is not deleted; this makes it usable again: %s", old, hint.Command("keyd hold", r.Profiles()[0])))
	}
	return waitExcluded(f, r, s, fmt.Sprintf("%s and %s both stay usable", old, next))
}

// waitExcluded returns the decision to leave the keys of a rotation as they are for as
// long as the settings exclude them.
func waitExcluded(f Facts, r *journal.Rotation, s settings.Settings, text string) Decision {
	_, file := findExclusion(f, s)
	d := WaitUntil(StateHeld, time.Time{}, fmt.Sprintf("%s holds the rotation: %s", ExcludedBy(f, s), text)).InShort("by " + file)
	d.Hint = ExcludedHint("let it continue", f, s)
	return d
}
