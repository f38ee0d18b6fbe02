package main

import (
	"fmt"
	"strings"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// whatFollows says what would happen to the old key of a rotation afterwards, as the pass
// itself would; "" when there is nothing to add to the action.
func (n *narrator) whatFollows(r rotate.Result) string {
	old, overlap, quarantine := shortID(r.KeyID), formatDuration(n.settings.Overlap), formatDuration(n.settings.Quarantine)
	if r.Rotation != nil {
		old = r.Rotation.Old.String()
	}
	f, end := &r.Foresight, r.Foresight.End
	switch {
	case f.Open, end.NeedsPerson(), end.State == decide.StateWaiting, end.State == decide.StateHeld, r.Do == decide.DoDelete && !n.flags.deleteNow:
		return ""
	case f.Does(decide.DoDelete) && f.Does(decide.DoDeactivate):
		return "then " + old + " is deactivated and deleted at once; nothing brings it back"
	case f.Does(decide.DoDelete):
		return "then " + old + ", which is inactive, is deleted at once; nothing brings it back"
	case f.Does(decide.DoDeactivate):
		return fmt.Sprintf("then %s is deactivated at once, and deleted after %s; until then, this makes it usable again: %s", old, quarantine, hint.Command("keyd hold", r.Profiles[0]))
	case end.State == decide.StateOverlap && r.Rotation == nil:
		return fmt.Sprintf("then %s works for another %s, and until no one has used it for %s; it is then inactive for %s, and deleted", old, overlap, overlap, quarantine)
	case end.State == decide.StateOverlap, end.State == decide.StateQuarantine, end.State == decide.StateRetiring:
		then := r // as the closing line of the pass says it
		then.State, then.Until, then.Rotation = end.State, end.Until, f.Facts.Rotation
		return "then " + n.closingText(then)
	}
	return ""
}

// checkedText says what a preflight has found out about a key that can be replaced.
const checkedText = "the files can be edited, and the key may deactivate its old one"

// printPreview prints what a pass would do to a key, and which values it would change. It
// returns the exit code that the pass would have for this key.
func (n *narrator) printPreview(r rotate.Result) int {
	const replaced = "would be replaced"
	what := "would continue (" + string(r.Do) + ")"
	if r.Do == decide.DoCreate {
		what = replaced
	}
	n.term.printParagraph("%s: %s %s: %s", n.nameKey(r.Profiles), shortID(r.KeyID), what, strings.TrimPrefix(r.Why, shortID(r.KeyID)+" is "))
	if r.Ready && what == replaced {
		n.term.printParagraph("  checked: %s", checkedText)
	}
	for _, c := range r.Changes {
		old := shortID(r.KeyID)
		if c.Property != "aws_access_key_id" && c.Property != "id" { // an SMTP password is a secret as well
			old = "(secret)"
		}
		n.printChange(n.term.shortenHome(fmt.Sprintf("%s:%d", c.Path, c.Line)), fmt.Sprintf("%-21s %s -> \"new\"", c.Property, old))
	}
	if hooks := n.settings.HooksFor(r.Profiles); what == replaced && len(hooks) > 0 {
		n.term.printParagraph("  then these hooks run: %s", joinNames(hookNames(settings.Settings{Hooks: hooks})))
	}
	if text := n.whatFollows(r); text != "" {
		n.term.printParagraph("  %s", text)
	}
	switch end := r.Foresight.End; {
	case r.Foresight.Open:
		n.term.printParagraph("  then what AWS answers decides")
	case end.NeedsPerson():
		n.term.printError(prefixProfiles(r.Profiles, "then it stops: "+stripPackages(end.Why)), hint.FillProfile(end.Hint, r.Profiles))
		return exitPerson
	case end.State == decide.StateWaiting:
		n.term.printError(prefixProfiles(r.Profiles, "then it waits: "+stripPackages(end.Why)), hint.FillProfile(end.Hint, r.Profiles))
		return exitFailed
	case end.State == decide.StateHeld:
		n.term.printParagraph("  then %s", stripPackages(end.Why))
	}
	return exitDone
}

// printChange prints one value that would change. Where that is too wide for the screen, the
// place has a line of its own.
func (n *narrator) printChange(place, change string) {
	separator := " "
	if n.term.hasScreen() && layout.CountColumns(place)+layout.CountColumns(change)+len("  : ") > n.term.width {
		separator = "\n    "
	}
	n.term.printf("  %s:%s%s\n", place, separator, change)
}
