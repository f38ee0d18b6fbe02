package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// A retirement ends a key without a successor. Its journal is that of a rotation, in
// which New, the helper, signs everything and stands in no file: see journal.Retirement.
// No decision here depends on what the files show. While a person can still go back,
// New exists; it is the last thing to go.

// decideRetirement decides about a key that a person retires.
func decideRetirement(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	switch {
	case phaseOf(r) == phaseCreate && ExcludedBy(f, s) != "" && r.StuckReason == "":
		return waitExcluded(f, r, s, "whether the lost CreateAccessKey call made a key is left open")
	case phaseOf(r) == phaseCreate:
		return decideLostAnswer(f, r, s, now)
	case r.GiveUpReason != "":
		return decideKeepOld(f, r, s, now)
	case !r.Retire.Deleted.IsZero() && ExcludedBy(f, s) != "":
		return waitExcluded(f, r, s, credfile.Short(r.Old.ID)+" is deleted, and "+credfile.Short(r.New.ID)+", which has deleted it, stays")
	case !r.Retire.Deleted.IsZero(): // a helper that AWS refuses has gone already
		return orWaitForRetry(f, s, now, actNow(DoDropHelper, StateRetiring, fmt.Sprintf("%s is deleted: deleting %s, which has deleted it", credfile.Short(r.Old.ID), credfile.Short(r.New.ID))))
	case !r.NewDead.IsZero():
		return decideDeadHelper(f, r, s, now)
	case ExcludedBy(f, s) != "":
		return waitExcluded(f, r, s, retiredSoFar(r))
	case r.Deactivated.IsZero():
		return orWaitForRetry(f, s, now, decideTurnOff(f, r, now))
	}
	return orWaitForRetry(f, s, now, decideRetired(f, r, s, now))
}

// retiredSoFar says how far a retirement has come.
func retiredSoFar(r *journal.Rotation) string {
	if r.DeactivateStarted.IsZero() {
		return credfile.Short(r.Old.ID) + " stays usable"
	}
	return fmt.Sprintf("%s is inactive and is not deleted; this makes it usable again: %s", credfile.Short(r.Old.ID), holdCommand(r))
}

// decideTurnOff proves the helper, and makes the old key Inactive unless someone has used
// it meanwhile.
func decideTurnOff(f Facts, r *journal.Rotation, now time.Time) Decision {
	old, helper := credfile.Short(r.Old.ID), credfile.Short(r.New.ID)
	if !f.Proven && r.DeactivateStarted.IsZero() {
		return actNow(DoProve, StateRetiring, helper+", which deletes "+old+" later, has to be accepted first")
	}
	if d, ok := lookBeforeRetiring(f, r.Created, StateRetiring, "looking at both keys once more", now); ok {
		return d
	}
	outdated := r.UseChecked.Before(r.Created) || now.Sub(r.UseChecked) >= useBelieved || r.UseChecked.After(now)
	if !r.Retire.Forced && !r.UseDenied && outdated {
		return actNow(DoCheckUse, StateRetiring, "asking AWS once more when "+old+" was used last")
	}
	return actNow(DoDeactivate, StateRetiring, "a person retires "+old)
}

// decideRetired decides while the old key is Inactive and not yet deleted.
func decideRetired(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	d := decideQuarantine(f, r, s, now)
	if d.State == StateQuarantine {
		d.State, d.Short = StateRetiring, "the key is off"
	}
	return d
}

// decideKeepOld goes back: the old key is Active at the end, and the helper is gone. That
// the helper is dead is no hindrance once a person has made the old key Active.
func decideKeepOld(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	old := credfile.Short(r.Old.ID)
	if !r.DeactivateStarted.IsZero() && r.NewDead.IsZero() {
		return heal(orWaitForRetry(f, s, now, actNow(DoRevive, StateRetiring, old+" is made usable again: "+r.GiveUpReason)))
	}
	if ExcludedBy(f, s) != "" {
		return waitExcluded(f, r, s, fmt.Sprintf("%s: %s stays usable, and %s is not deleted", r.GiveUpReason, old, credfile.Short(r.New.ID)))
	}
	return orWaitForRetry(f, s, now, actNow(DoDropHelper, StateRetiring, fmt.Sprintf("%s: %s stays, and the retirement ends", r.GiveUpReason, old)))
}

// decideDeadHelper decides when AWS refuses the helper. Before it has done anything, the
// retirement is given up. Afterwards nobody here can sign: what is left to do is a
// person's, in the console of AWS.
func decideDeadHelper(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) Decision {
	old, helper := credfile.Short(r.Old.ID), credfile.Short(r.New.ID)
	if ExcludedBy(f, s) != "" {
		return waitExcluded(f, r, s, retiredSoFar(r))
	}
	if r.DeactivateStarted.IsZero() {
		return orWaitForRetry(f, s, now, actNow(DoDropHelper, StateRetiring, fmt.Sprintf("%s: %s stays, and the retirement ends", deadHelperText(r), old)))
	}
	asked := now.Sub(r.NewDead)
	if asked >= RecheckEvery || asked < -journal.MaxClockOffset || f.Options.Manual && !f.Watched {
		return orWaitForRetry(f, s, now, actNow(DoLook, StateBlocked, "asking AWS once more whether "+helper+" works"))
	}
	return BlockUntil(r.NewDead.Add(RecheckEvery), fmt.Sprintf("%s, and %s is inactive: keyd can neither delete it nor make it usable again", deadHelperText(r), old), DeadHelperHint(r)).InShort("AWS refuses the helper")
}

// deadHelperText says what has happened to the helper.
func deadHelperText(r *journal.Rotation) string {
	return fmt.Sprintf("AWS refuses %s, which was to delete %s: someone made it inactive or deleted it", credfile.Short(r.New.ID), credfile.Short(r.Old.ID))
}

// DeadHelperReason is why a retirement is given up whose helper AWS refuses.
func DeadHelperReason(r *journal.Rotation) string { return deadHelperText(r) }

// DeadHelperHint says what a person can do when AWS refuses the helper, and the old key is
// Inactive.
func DeadHelperHint(r *journal.Rotation) string {
	end := fmt.Sprintf("delete %s, and %s if it is there", r.Old.ID, r.New.ID)
	if r.Retire.Borrowed {
		end = "delete " + r.Old.ID
	}
	return fmt.Sprintf("in the console of AWS, user %s: %s, then: %s; or, to have it back, make %s active there, then: %s", r.User, end, resumeCommand(r), r.Old.ID, holdCommand(r))
}

// holdCommand returns the command that makes the old key usable again.
func holdCommand(r *journal.Rotation) string { return hint.Command("keyd hold", r.Profiles()[0]) }

// describeRetirement is DescribeRotation for a key that a person retires.
func describeRetirement(r *journal.Rotation) string {
	old := r.Old.String()
	switch {
	case phaseOf(r) == phaseCreate:
		return fmt.Sprintf("%s is being retired. CreateAccessKey was sent for the key that deletes it later, and its result is unknown.\n%s still works; the next pass finds out whether a key was created", old, old)
	case r.GiveUpReason != "":
		return fmt.Sprintf("%s was being retired, and is kept: %s.\nthe next pass makes sure that it is active, and ends the retirement", old, r.GiveUpReason)
	case !r.Retire.Deleted.IsZero():
		return fmt.Sprintf("%s is retired and deleted.\n%s, which has deleted it, is deleted by the next pass", old, r.New)
	case r.DeactivateStarted.IsZero():
		return fmt.Sprintf("%s is being retired, and still works.\nthe next pass makes it inactive, signed with %s", old, r.New)
	}
	return fmt.Sprintf("%s is being retired: it is inactive and not deleted yet.\nonly %s, which is stored here, can delete it or make it usable again", old, r.New)
}

// retiredReason says that a person has retired the key: there is nothing left to rotate,
// and only a person takes it out of the files.
func retiredReason(f Facts) string {
	return fmt.Sprintf("retired on %s: %s can be taken out of the files", f.RetiredAt.Local().Format(dayFormat), strings.Join(f.Profiles, ", "))
}

// A Refusal is why keyd does not begin to retire a key, and what a person can do.
type Refusal struct{ Why, Hint string }

// RefuseRetirement returns why the key must not be retired, or nil. signer is the profile
// here, or "", whose key of the same user can sign what happens to it: then no second key
// has to be made. forced says that the person knows that the key may be in use.
func RefuseRetirement(f Facts, s settings.Settings, now time.Time, signer string, forced bool) *Refusal {
	short := credfile.Short(f.ID)
	switch {
	case f.SkipReason != "":
		return &Refusal{f.SkipReason, ""}
	case f.Unreadable != nil:
		return &Refusal{f.Unreadable.Why, f.Unreadable.Hint}
	case f.RotationErr != nil:
		return &Refusal{f.RotationErr.Error(), hint.Hint(f.RotationErr)}
	case f.Rotation != nil && f.Rotation.IsRetirement():
		return &Refusal{short + " is being retired already", hint.Command("keyd status", f.Profiles[0])}
	case f.Rotation != nil:
		return &Refusal{fmt.Sprintf("a rotation of %s is in progress, which ends its old key; retire the new one when it is over", f.Profiles[0]), hint.Command("keyd status", f.Profiles[0])}
	case !f.RetiredAt.IsZero():
		return &Refusal{retiredReason(f), "remove " + strings.Join(f.Profiles, ", ") + " from the files"}
	case ExcludedBy(f, s) != "":
		return &Refusal{fmt.Sprintf("%s: %s excludes it", f.Profiles[0], ExcludedBy(f, s)), ExcludedHint("retire it", f, s)}
	case s.Unknown:
		return &Refusal{unknownSettings(s), ""}
	case f.EndpointErr != nil:
		return &Refusal{f.EndpointErr.Error(), hint.Hint(f.EndpointErr)}
	case f.Seen == nil: // before the look
		return nil
	}
	if why := NeverSignReason(f.ID, f.KnownAccount(), s); why != "" {
		return &Refusal{why, ""}
	}
	if f.Seen.Root {
		return &Refusal{describeRoot(f), ""}
	}
	if f.Seen.User == "" {
		return &Refusal{"not the key of an IAM user: " + f.Seen.ARN + f.saidBy(), ""}
	}
	if d, off := checkClock(f, now); off {
		return &Refusal{d.Why, d.Hint}
	}
	if !f.mayControl(now) {
		return &Refusal{"AWS asks for MFA before keys are listed or changed", "run it on a terminal, which asks for a code, or set mfa_process; or end the key in the console, where you sign in with MFA"}
	}
	if f.Seen.FindKey(f.ID) == nil {
		return &Refusal{fmt.Sprintf("IAM does not list %s among the keys of %s yet: nothing was changed", short, f.Seen.User), "try it again in a few hours"}
	}
	if refused := refuseUsed(f, s, now); refused != nil && !forced {
		return refused
	}
	if other := f.Seen.FindOther(f.ID); other != nil && signer == "" {
		return refuseSecond(f, other)
	}
	return nil
}

// refuseUsed returns why a key may be in use: AWS knows of a use within overlap, or does
// not say, or keyd has not watched it for so long.
func refuseUsed(f Facts, s settings.Settings, now time.Time) *Refusal {
	short, anyway := credfile.Short(f.ID), "if nothing uses it: "+hint.Command("keyd retire --force", f.Profiles[0])
	u := f.Use
	if u == nil || u.Denied || u.Read.IsZero() {
		if u != nil && u.NoCall {
			return &Refusal{UseUnknown(short, true), anyway}
		}
		return &Refusal{UseUnknown(short, false), "allow this user iam:GetAccessKeyLastUsed, see " + hint.Command("keyd policy", f.Profiles[0]) + "; or " + anyway}
	}
	since := QuietSince(f)
	switch {
	case now.Sub(since) >= s.Overlap:
		return nil
	case u.Last != nil && !u.Last.At.IsZero():
		return &Refusal{fmt.Sprintf("%s was used %s by %s in %s, at %s: it is not retired before it has been quiet for %s", short, formatAgo(u.Last.At, now), u.Last.Service, u.Last.Region,
			u.Last.At.Local().Format("2 Jan 15:04"), FormatAge(s.Overlap)), "find out what uses it: " + hint.Command("keyd where", f.Profiles[0]) + "; " + anyway}
	case u.Last != nil:
		return &Refusal{fmt.Sprintf("%s is %s old and was never used: it is not retired before it has been quiet for %s", short, FormatAge(now.Sub(since)), FormatAge(s.Overlap)), anyway}
	}
	return &Refusal{fmt.Sprintf("keyd's own calls hide whether anyone used %s before %s: it is not retired before it has been quiet for %s", short, since.Local().Format("2 Jan 15:04"), FormatAge(s.Overlap)), anyway}
}

// QuietSince returns since when no one but keyd has used the key, as far as AWS tells;
// the zero time when nothing is known.
func QuietSince(f Facts) time.Time {
	u := f.Use
	switch {
	case u == nil:
		return time.Time{}
	case u.Last != nil && !u.Last.At.IsZero():
		return u.Last.At
	case u.Last != nil && f.Seen != nil && f.Seen.FindKey(f.ID) != nil:
		return f.Seen.FindKey(f.ID).MadeBy().Add(-f.Seen.Offset)
	}
	return u.Quiet
}

// refuseSecond says why a second key of the user prevents a retirement: it takes the slot
// of the helper, and keyd does not have its secret.
func refuseSecond(f Facts, other *ListedKey) *Refusal {
	short, user := credfile.Short(other.ID), f.Seen.User
	why := fmt.Sprintf("user %s has a second key, %s, which no profile here shows: an inactive key cannot be deleted by itself, and there is no room for a key that deletes it", user, short)
	if !other.Active {
		return &Refusal{why, "if no one needs that key: " + hint.Command("keyd prune", f.Profiles[0]) + "; then " + hint.Command("keyd retire", f.Profiles[0])}
	}
	return &Refusal{why, fmt.Sprintf("in the console of AWS, user %s: make %s inactive, and delete it when nothing has failed", user, f.ID)}
}

// CanSignFor reports whether key, which another profile shows, can sign what happens to
// the key of f: it is the user's other key, and Active.
func CanSignFor(f Facts, key string) bool {
	return f.Seen != nil && key != f.ID && slices.ContainsFunc(f.Seen.Keys, func(k ListedKey) bool { return k.ID == key && k.Active })
}
