package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// confirmSecondAfter is how long a second key must be listed before a person hears of
// it: a list that lags shows keys that were deleted.
const confirmSecondAfter = time.Minute

// decideSecondKey decides when the user's other key occupies the slot that a new key
// needs. keyd did not make the other key, and does not touch it unless told to.
func decideSecondKey(f Facts, other *ListedKey, s settings.Settings, now time.Time) Decision {
	short, use := credfile.Short(other.ID), describeUse(other.LastUse, now)
	run, own := hint.Command("keyd prune", f.Profiles[0]), secondUserCommand(f)
	if f.leavesOld(other, s) {
		return blockOldLeft(f, other, now)
	}
	if confirmed := other.Since.Add(confirmSecondAfter); f.Seen.At.Before(confirmed) && !other.Since.After(now) && !f.Options.Manual {
		if now.Before(confirmed) {
			return WaitUntil(StateWaiting, confirmed, fmt.Sprintf("IAM lists a second key of the user, %s: asking once more, since its lists lag", short)).InShort("checking for a second key")
		}
		return actNow(DoLook, StateDue, "asking once more whether IAM lists "+short)
	}
	if by := f.ShownBy[other.ID]; by != "" {
		return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("the user has a second key, %s, which %s uses: AWS allows two keys, and the new key needs a free slot", short, by),
			fmt.Sprintf("make %s and %s use the newer of the two keys, then %s; or give each of them its own IAM user: %s", f.Profiles[0], by, run, own)).InShort("second key, used here")
	}
	if other.Active && f.MadeHere[other.ID] { // its journal was lost or damaged
		return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("keyd itself made %s, %s, %s, and the journal of that rotation is gone: its secret may be nowhere", short, formatAgo(other.Created, now), use),
			fmt.Sprintf("if nothing uses it: %s", hint.Command("keyd prune", f.Profiles[0], other.ID))).InShort("second key, made by keyd")
	}
	if other.Active && MayBeAnothers(f, other, now) {
		return decideReplacedElsewhere(f, other, now)
	}
	if other.Active {
		return blockSecondActive(f, other, s, now)
	}
	since := other.MadeBy()
	if other.LastUse != nil && other.LastUse.At.After(since) {
		since = other.LastUse.At
	}
	if s.PruneInactiveAfter > 0 && other.LastUse != nil && !since.IsZero() && now.Sub(since) >= s.PruneInactiveAfter {
		return actNow(DoPrune, StateDue, fmt.Sprintf("%s is inactive and unused for %s", short, FormatAge(now.Sub(since))))
	}
	return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("the user has a second key, %s, inactive, %s: AWS allows two keys per user, so there is no room for a new one", short, use), run).InShort("second key, inactive")
}

// leavesOld reports whether the second key is the one that the key in the files has replaced,
// and the journal that would end it is gone: it was removed, or damaged and set aside. A
// person who has set prune_inactive_after need not be told of one that is Inactive.
func (f *Facts) leavesOld(other *ListedKey, s settings.Settings) bool {
	return f.Replaces == other.ID && f.ShownBy[other.ID] == "" && (other.Active || s.PruneInactiveAfter <= 0)
}

// blockOldLeft tells a person of the old key of a rotation whose journal is gone: keyd no
// longer knows what is still to be waited for, and ends no key on the word of the history.
func blockOldLeft(f Facts, other *ListedKey, now time.Time) Decision {
	short, status, unless := credfile.Short(other.ID), "inactive", "if nothing has failed since: "
	if other.Active {
		status, unless = "still active", "if nothing uses it any more, make it inactive: "
	}
	return BlockUntil(recheckAt(f, now), fmt.Sprintf("%s has replaced %s, which is %s, %s: the journal of that rotation is gone, so keyd does not end it", credfile.Short(f.ID), short, status, f.useSinceReplaced(other, now)),
		fmt.Sprintf("see where it may still be needed: %s; %s%s", hint.Command("keyd history", other.ID), unless, hint.Command("keyd prune", f.Profiles[0], other.ID))).InShort("old key left behind")
}

// ownCallsEnd is how long after the creation of a new key keyd signs with the old one at most,
// as a rule: the new key is in the files then.
const ownCallsEnd = 15 * time.Minute

// useSinceReplaced says who has used the old key since the new one was made. What keyd itself
// asked AWS at that time is nobody's use.
func (f *Facts) useSinceReplaced(old *ListedKey, now time.Time) string {
	use, own := old.LastUse, f.Seen.FindKey(f.ID)
	if use == nil || use.At.IsZero() || own == nil {
		return describeUse(use, now)
	}
	until := own.MadeBy()
	if use.Service == "iam" || use.Service == "sts" {
		until = until.Add(ownCallsEnd)
	}
	if !use.At.After(until) {
		return "not used since as far as AWS has recorded"
	}
	return describeUse(use, now)
}

// blockSecondActive tells a person about an older active key, with both ways out.
// Pruning the key would stop whatever uses it, perhaps on another machine of the same person,
// so a separate user for that machine comes first. Pruning comes first only where AWS itself
// names a last use that is long ago. A key without a known use does not qualify: IAMs other
// than AWS's record no use.
func blockSecondActive(f Facts, other *ListedKey, s settings.Settings, now time.Time) Decision {
	use := describeUse(other.LastUse, now)
	why := fmt.Sprintf("the user has a second active key, %s, made %s, %s", credfile.Short(other.ID), formatAgo(other.Created, now), use)
	separate := "give each machine its own IAM user: " + secondUserCommand(f)
	prune := "deactivate it: " + hint.Command("keyd prune", f.Profiles[0], other.ID)
	run := fmt.Sprintf("if no one needs it, %s; if another machine uses it, %s", prune, separate)
	if !IsLongUnused(other, f.Profiles, s, now) {
		why += ": it may be another machine's"
		run = fmt.Sprintf("if another machine uses it (%s), %s; only if no one needs it, %s", use, separate, prune)
	}
	return BlockUntil(now.Add(RecheckEvery), why, run).InShort("second active key")
}

// IsLongUnused reports whether AWS has named a last use of the second key of the user of
// these profiles, and it is at least rotate_after ago.
func IsLongUnused(key *ListedKey, profiles []string, s settings.Settings, now time.Time) bool {
	return key.LastUse != nil && !key.LastUse.At.IsZero() && now.Sub(key.LastUse.At) >= max(s.RotateAfterFor(profiles), s.Overlap)
}

// secondUserCommand returns the command that prints how an administrator makes another user
// like the owner of the key.
func secondUserCommand(f Facts) string {
	return hint.Command("keyd policy --second-user", f.Profiles[0])
}

// MayBeAnothers reports whether another machine may have made the second key as the
// successor of this one: the second key is younger than a day, newer than the key in the
// files, or of an age that nobody knows. Taking it away would lock that machine out.
func MayBeAnothers(f Facts, other *ListedKey, now time.Time) bool {
	own := f.Seen.FindKey(f.ID)
	if f.MadeHere[other.ID] || f.Replaces == other.ID {
		return false
	}
	return own == nil || other.MadeBy().IsZero() || !other.MadeBy().Before(own.MadeBy()) || now.Add(f.Seen.Offset).Sub(other.MadeBy()) < settings.Day
}

// replacedShort is for one cell of a table.
const replacedShort = "replaced elsewhere"

// decideReplacedElsewhere decides when another machine has replaced the key, or is
// about to. On the first day the other machine may still give up, or this key's file may
// be the one that it writes. After that only a person can bring the new pair here; the
// other machine will then retire the key that this machine uses.
func decideReplacedElsewhere(f Facts, other *ListedKey, now time.Time) Decision {
	bring := fmt.Sprintf("copy profile %s from the machine that shows %s to this one; or give this machine its own IAM user: %s", f.Profiles[0], credfile.Short(other.ID), secondUserCommand(f))
	made, use := formatAgo(other.Created.Add(-f.Seen.Offset), now), describeUse(other.LastUse, now)
	if firstDay := other.MadeBy().Add(settings.Day).Add(-f.Seen.Offset); now.Before(firstDay) {
		d := WaitUntil(StateWaiting, firstDay, fmt.Sprintf("another machine has replaced or is replacing this key: AWS lists %s, made %s, %s; %s still works here", credfile.Short(other.ID), made, use, credfile.Short(f.ID)))
		d.Hint, d.Short = bring, replacedShort
		return d
	}
	return BlockUntil(now.Add(RecheckEvery), fmt.Sprintf("another machine has replaced this key, or uses a key of its own: AWS lists %s, made %s, %s; %s may be retired there", credfile.Short(other.ID), made, use, credfile.Short(f.ID)), bring).InShort(replacedShort)
}
