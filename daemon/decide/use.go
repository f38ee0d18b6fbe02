package decide

import (
	"fmt"
	"hash/fnv"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// KeyUse is what keyd knows about the use of a key at rest. AWS records only the last
// use of a key, and keyd's own calls count as uses, so keyd notes when it signed.
// memory.json keeps it across restarts. Times are this machine's.
type KeyUse struct {
	Read   time.Time   `json:"read,omitzero"`    // when AWS was last asked; zero: never
	Denied bool        `json:"denied,omitzero"`  // AWS refused to tell
	NoCall bool        `json:"no_call,omitzero"` // with Denied: the IAM, which is not AWS's, does not know the call that tells it
	Last   *remote.Use `json:"last,omitzero"`    // the last use by anyone but keyd; nil: none is known; with a zero time: there was none before keyd's first call
	Quiet  time.Time   `json:"quiet,omitzero"`   // since then AWS has recorded no use by anyone but keyd; zero when Last says it
	Signed time.Time   `json:"signed,omitzero"`  // when keyd last signed with the key; zero: never, as far as it knows
}

// ownCallSlack is how much later than keyd's own note AWS may date keyd's own call: the
// clocks differ by up to five minutes.
const ownCallSlack = journal.MaxClockOffset

// AddReading returns u with what AWS said at now about the last use, by the local clock.
// A use through IAM or STS that is no later than keyd's own last call is keyd's own: it
// hides an earlier use by others, and says that there was none since. So does one of this
// very moment, when keyd has never signed before: AWS may count the question itself.
func (u KeyUse) AddReading(last remote.Use, now time.Time) *KeyUse {
	u.Read, u.Denied, u.NoCall = now, false, false
	if u.Signed.IsZero() && last.Service == "iam" && now.Sub(last.At).Abs() < ownCallSlack {
		u.Signed = now
	}
	own := !u.Signed.IsZero() && !last.At.After(u.Signed.Add(ownCallSlack)) && (last.Service == "iam" || last.Service == "sts" || last.At.IsZero())
	switch {
	case !own:
		u.Last, u.Quiet = &last, time.Time{}
	case u.Last == nil && u.Quiet.IsZero():
		u.Quiet = u.Signed
	}
	return &u
}

// AddDenial returns u after AWS has refused at now to say when the key was last used. noCall
// means that the IAM, which is not AWS's, does not know the question.
func (u KeyUse) AddDenial(now time.Time, noCall bool) *KeyUse {
	u.Read, u.Denied, u.NoCall = now, true, noCall
	return &u
}

// UnusedSince returns since when no one but keyd has used the key, if it is due and
// counts as unused: since the last rotation, or since it was created, or for
// rotate_after. It returns false when that is not known, and when it was quiet for less
// than overlap, which says nothing about a weekly job.
func (f *Facts) UnusedSince(s settings.Settings, now time.Time) (time.Time, bool) {
	u := f.Use
	if u == nil || u.Denied || u.Read.IsZero() || f.Seen == nil {
		return time.Time{}, false
	}
	since, atLeast := u.Quiet, s.Overlap
	switch key := f.Seen.FindKey(f.ID); {
	case u.Last != nil && !u.Last.At.IsZero():
		since, atLeast = u.Last.At, max(s.RotateAfterFor(f.Profiles), s.Overlap)
	case u.Last != nil && key != nil:
		since = key.MadeBy().Add(-f.Seen.Offset)
	}
	return since, !since.IsZero() && now.Sub(since) >= atLeast
}

// describeDue says how old a key is, and whether someone still uses it.
func describeDue(f Facts, s settings.Settings, now time.Time, age time.Duration) string {
	text := describeAge(f.ID, age)
	if since, unused := f.UnusedSince(s, now); unused {
		return text + ", and only keyd has used it since " + since.Local().Format(dayFormat)
	}
	if f.Use != nil && f.Use.Denied {
		return text + "; " + UseUnknown("it", f.Use.NoCall)
	}
	return text
}

// dayFormat is how a day is written for a person.
const dayFormat = "2 Jan 2006"

// UseUnknown says that it is not known whether a key, such as AKIA..7Q2F, is still used, and
// why: the call that tells it is denied, or the IAM does not know that call.
func UseUnknown(key string, noCall bool) string {
	if noCall {
		return "whether " + key + " is still used is not known: its IAM does not offer GetAccessKeyLastUsed"
	}
	return "AWS does not tell whether " + key + " is still used: iam:GetAccessKeyLastUsed is denied"
}

// UnusedRecheck is how long keyd leaves a key alone that no one uses and that unused =
// report keeps. keyd's own question counts as a use, and must not hide the key from
// auditors, who flag a key after 45 days without one.
// Source: CIS AWS Foundations 7.0.0, 2.11.
const UnusedRecheck = 46 * settings.Day

// blockUnused tells a person about a key that is due, that no one uses, and that the
// settings leave alone then.
func blockUnused(f Facts, s settings.Settings, now time.Time, age time.Duration) (Decision, bool) {
	_, unused := f.UnusedSince(s, now)
	if s.Unused != settings.UnusedReport || !unused || f.Options.Force || f.Use.Read.Sub(now) > journal.MaxClockOffset {
		return Decision{}, false
	}
	return BlockUntil(f.Use.Read.Add(UnusedRecheck), describeDue(f, s, now, age)+": it is left alone, as unused = report in "+s.FileOf("", "unused")+" says",
		"if no one needs it: "+hint.Command("keyd retire", f.Profiles[0])+"; otherwise replace it: "+forceCommand(f)).InShort("no one uses it"), true
}

// OldKeyUse is what AWS has said about the use of the old key of a rotation, for people
// and programs.
type OldKeyUse struct {
	Asked       time.Time   `json:"asked,omitzero"`        // when AWS was last asked
	Denied      bool        `json:"denied,omitzero"`       // AWS refused to say it
	Last        *remote.Use `json:"last,omitzero"`         // the last use, whoever made it
	Days        []string    `json:"days,omitzero"`         // the days, in UTC, on which someone used it after the swap
	UnusedSince time.Time   `json:"unused_since,omitzero"` // since when no one but keyd had used it before the rotation
}

// ReportUse returns what is known about the use of the old key of a rotation; nil when
// nothing is.
func ReportUse(r *journal.Rotation) *OldKeyUse {
	if r == nil || r.UseChecked.IsZero() && len(r.UseDays) == 0 && r.UnusedSince.IsZero() {
		return nil
	}
	return &OldKeyUse{Asked: r.UseChecked, Denied: r.UseDenied, Last: r.LastUse, Days: r.UseDays, UnusedSince: r.UnusedSince}
}

// The use of the old key is read four times a day. AWS tells only the last use, so the
// readings before and after midnight in UTC keep a use of one day from being covered by
// one of the next. The third one comes when AWS must have reported what it had not yet.
var useReadings = [...]time.Duration{time.Minute, 10*time.Minute + UseReportDelay, 12 * time.Hour, 24*time.Hour - 20*time.Minute}

// useReadingSpread is by how much the readings differ from key to key, so that not all
// machines of a company ask AWS in one second.
const useReadingSpread = 8 * time.Minute

// nextUseReading returns when to read the use of the key id after a reading at last. A
// reading that was denied is repeated at hours that drift: the policy may depend on the
// hour, or on the network.
func nextUseReading(last time.Time, id string, denied bool) time.Time {
	if denied {
		return last.Add(deniedGap - drawWait(deniedGap/2, 0, last, id))
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	day := last.UTC().Truncate(settings.Day).Add(time.Duration(h.Sum32()) % useReadingSpread)
	for ; ; day = day.Add(settings.Day) {
		for _, at := range useReadings {
			if next := day.Add(at); next.After(last) {
				return next
			}
		}
	}
}

// useReadingDue reports whether it is time to ask AWS about the use of the old key.
func useReadingDue(f Facts, r *journal.Rotation, now time.Time) bool {
	last := r.UseChecked
	if last.Before(r.Validated) {
		last = r.Validated // nothing that AWS says before then is about the overlap
	}
	switch {
	case last.Sub(now) > journal.MaxClockOffset: // the clock was set back
		return !r.UseChecked.IsZero()
	case f.Options.Manual && now.Sub(last) >= FreshFor:
		return true
	}
	return !now.Before(nextUseReading(last, r.Old.ID, r.UseDenied))
}

// describeOldUse says how the old key is used in the overlap, what follows from it, and
// where else it stands.
func describeOldUse(f Facts, r *journal.Rotation, s settings.Settings, now time.Time) string {
	if f.isOldGone() {
		return goneText(r) + "; the rotation ends when the overlap and the quarantine are over"
	}
	if f.isOldOff() {
		return fmt.Sprintf("%s; the rotation ends when the overlap and the quarantine are over; until then, this makes it usable again: %s", offText(r), hint.Command("keyd hold", r.Profiles()[0]))
	}
	return describeOverlap(r, s, now) + f.describeCopies()
}

// isOldGone reports whether AWS no longer lists the old key of the rotation, although keyd
// has not deleted it. A list may lag behind a creation, and the old key is older, so its
// absence from a list with the new key means that someone has deleted it. keyd acts no
// differently because of it; it only must not tell a person something untrue.
func (f *Facts) isOldGone() bool {
	r := f.Rotation
	return r != nil && r.New.ID != "" && f.Seen != nil && f.Seen.At.After(r.Created) && f.Seen.FindKey(r.New.ID) != nil && f.Seen.FindKey(r.Old.ID) == nil
}

// isOldOff reports whether somebody other than keyd has made the old key of the rotation
// Inactive, as far as the last list tells. keyd acts no differently because of it, unless a
// person holds the rotation.
func (f *Facts) isOldOff() bool {
	r := f.Rotation
	if r == nil || r.New.ID == "" || r.IsRetirement() || !r.DeactivateStarted.IsZero() || f.Seen == nil || !f.Seen.At.After(r.Created) {
		return false
	}
	old := f.Seen.FindKey(r.Old.ID)
	return old != nil && !old.Active
}

// offText says that the old key is Inactive.
func offText(r *journal.Rotation) string {
	return fmt.Sprintf("someone has made %s inactive", credfile.Short(r.Old.ID))
}

// goneText says that the old key is gone.
func goneText(r *journal.Rotation) string {
	return fmt.Sprintf("someone has deleted %s at AWS", credfile.Short(r.Old.ID))
}

// describeOverlap says how the old key is used in the overlap, and what follows from it.
func describeOverlap(r *journal.Rotation, s settings.Settings, now time.Time) string {
	old := credfile.Short(r.Old.ID)
	switch {
	case r.UsedByOthers():
		return fmt.Sprintf("%s %s: it keeps working until it has been quiet for %s", old, describeOthersUse(r, now), FormatAge(s.Overlap))
	case wasMended(r):
		return fmt.Sprintf("%s: %s works until the files have shown %s for %s", mendedText(r, now), old, credfile.Short(r.New.ID), FormatAge(s.Overlap))
	case r.UseDenied:
		return UseUnknown(old, r.UseNoCall) + ": it works until the overlap is over, and is then deactivated"
	case !r.UnusedSince.IsZero():
		return fmt.Sprintf("%s works until the overlap is over, and is then deactivated; only keyd had used it since %s", old, r.UnusedSince.Local().Format(dayFormat))
	}
	return old + " works until the overlap is over, and is then deactivated"
}

// describeOthersUse says by which service, where and when someone last used the old key.
func describeOthersUse(r *journal.Rotation, now time.Time) string {
	words := "is still used"
	if now.Sub(r.LastUse.At) > settings.Day+UseReportDelay {
		words = "was last used"
	}
	return fmt.Sprintf("%s by %s in %s, %s", words, r.LastUse.Service, r.LastUse.Region, formatAgo(r.LastUse.At, now))
}
