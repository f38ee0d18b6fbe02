package decide

import (
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// FormatAge prints a duration in its largest unit, rounded down: 61d, 3h, 12m, 40s.
func FormatAge(d time.Duration) string { return settings.FormatAge(d) }

// formatAgo prints how long at is before now, such as "3d ago".
func formatAgo(at, now time.Time) string {
	if now.Sub(at) > tooOld {
		return "at a time that is not known"
	}
	return FormatAge(now.Sub(at)) + " ago"
}

// tooOld is an age that no key has: its IAM lists it without a date.
const tooOld = 100 * 365 * settings.Day

// describeAge says how old a key is. A key of unknown age counts as too old.
func describeAge(id string, age time.Duration) string {
	if age > tooOld {
		return "the age of " + credfile.Short(id) + " is not known, since its IAM lists no dates"
	}
	return fmt.Sprintf("%s is %s old", credfile.Short(id), FormatAge(age))
}

// describeUse prints when, by which service and where a key was last used; nil is
// unknown.
func describeUse(u *remote.Use, now time.Time) string {
	switch {
	case u == nil:
		return "last use unknown"
	case u.At.IsZero():
		return "never used"
	}
	return fmt.Sprintf("last used %s by %s in %s", formatAgo(u.At, now), u.Service, u.Region)
}

// ShortLimit is how many letters a short reason has at most, apart from names in it: beside
// a long name and the state, a window of 80 columns has room for no more.
const ShortLimit = 26

// actionWords says what an action does, for one cell of a table.
var actionWords = map[Do]string{
	DoOpenSession: "opening an MFA session", DoLook: "asking AWS", DoPreflight: "checking what it takes", DoPrune: "making room", DoCreate: "making the new key",
	DoReconcile: "looking for a lost key", DoSetAside: "a lost key is turned off", DoDropOrphan: "a lost key is deleted",
	DoProve: "proving the new key", DoMend: "repairing the files", DoSwap: "changing the files", DoValidate: "checking the files",
	DoHook: "running a hook", DoPutBack: "putting the old key back", DoDiscard: "deleting the new key", DoDescribe: "tagging the new key",
	DoCheckUse: "asking about the old key", DoDeactivate: "turning the old key off", DoRevive: "reviving the old key",
	DoDelete: "deleting the old key", DoDropHelper: "deleting the helper",
}

// nameAction returns d with the words of its action as its short reason, unless it has one.
func nameAction(d Decision) Decision {
	if d.Short == "" {
		d.Short = actionWords[d.Do]
	}
	return d
}

// lastName returns the last part of a path of any system.
func lastName(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

// shortPlace names the file and the line that a mistake in the files begins with:
// "mistake in credentials:2" for "/home/x/.aws/credentials:2: there is no ...".
func shortPlace(why string) string {
	place, _, found := strings.Cut(why, ": ")
	if !found {
		return "mistake in the files"
	}
	return "mistake in " + lastName(place)
}

// overlapShort says whether the old key is used in the overlap.
func overlapShort(r *journal.Rotation) string {
	if r.UsedByOthers() {
		return "the old key is in use"
	}
	return "both keys work"
}
