package main

import (
	"fmt"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
)

// printClosing prints the last line about a key, which waits for its next step.
func (n *narrator) printClosing(r rotate.Result) {
	text := n.closingText(r)
	if joinNames(r.Profiles) == n.heading && !n.isMany() {
		n.term.printParagraph("  %s", text)
		return
	}
	n.term.printParagraph("%s: %s", n.nameKey(r.Profiles), text)
}

func (n *narrator) closingText(r rotate.Result) string {
	now := n.now()
	rotation := r.Rotation
	switch {
	case r.State == decide.StateOverlap && rotation != nil:
		return fmt.Sprintf("%s works until %s, is then deactivated, and is deleted %s%s", rotation.Old,
			formatMoment(r.Until, now), formatPoint(r.Until.Add(n.settings.Quarantine), now), describeUse(rotation))
	case r.State == decide.StateQuarantine && rotation != nil && rotation.NeedsMFA && r.Until.After(rotation.Deactivated.Add(n.settings.Quarantine+time.Hour)):
		return stripPackages(r.Why)
	case r.State == decide.StateQuarantine && rotation != nil && rotation.New.ID != "":
		return n.quarantineText(r)
	case r.State == decide.StateRetiring && rotation != nil && !rotation.Deactivated.IsZero() && !r.Until.IsZero():
		return n.quarantineText(r)
	case r.State == decide.StateOK && joinNames(r.Profiles) == n.heading && n.last[n.heading] == rotate.VerbKept:
		return shortID(r.KeyID) + " works, and is not retired"
	case r.State == decide.StateOK && joinNames(r.Profiles) == n.heading:
		return fmt.Sprintf("done: %s is the only key", shortID(r.KeyID))
	case r.State == decide.StateOK:
		return fmt.Sprintf("%s is %s old and will be replaced in %s", shortID(r.KeyID), formatAge(now.Sub(r.KeyStatus.Created)), formatDuration(r.Until.Sub(now)))
	}
	return stateAndWhy(r.State, stripPackages(r.Why))
}

// quarantineText says of an inactive key when it is deleted, and how it comes back, unless
// that was said when it was deactivated a moment ago.
func (n *narrator) quarantineText(r rotate.Result) string {
	gone := formatPoint(r.Until, n.now())
	if last := n.last[joinNames(r.Profiles)]; last == rotate.VerbDeactivated || last == rotate.VerbRetired {
		return fmt.Sprintf("%s will be deleted %s", r.Rotation.Old, gone)
	}
	return fmt.Sprintf("%s is inactive, and will be deleted %s; until then, this makes it usable again: %s", r.Rotation.Old, gone, hint.Command("keyd hold", r.Profiles[0]))
}

// stateAndWhy returns a state with its reason, unless the reason begins with the state.
func stateAndWhy(state decide.State, why string) string {
	if strings.HasPrefix(why, "on "+string(state)) || strings.HasPrefix(why, string(state)) {
		return why
	}
	return string(state) + ": " + why
}

// describeUse says what is known about the use of the old key, if it is more than nothing.
func describeUse(rotation *journal.Rotation) string {
	switch {
	case rotation.UsedByOthers():
		return fmt.Sprintf("; it is still used: by %s in %s", rotation.LastUse.Service, rotation.LastUse.Region)
	case rotation.UseDenied:
		return "; " + decide.UseUnknown("it", rotation.UseNoCall)
	}
	return ""
}
