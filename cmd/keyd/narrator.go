package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// narrator tells a person what a pass does while it does it, and how each key
// stands at the end.
type narrator struct {
	term     *terminal
	now      func() time.Time
	settings settings.Settings
	named    bool                 // the person has named the profiles
	flags    rotateFlags          // of keyd rotate
	places   map[string]int       // by profiles: which key of the pass it is
	keys     int                  // how many keys the pass is for
	heading  string               // the profiles that the last line was about
	begun    map[string]bool      // by profiles: whether the key already has a heading
	swapped  map[string]bool      // by profiles: whether the key was replaced in this pass
	acted    map[string]bool      // by profiles: whether keyd has done something to the key
	last     map[string]string    // by profiles: what keyd did last to the key, as an event's verb
	waited   map[string]time.Time // by profiles: when the last line about a wait was printed
}

func (a *app) newNarrator(settings settings.Settings) *narrator {
	return &narrator{term: a.term, now: a.now, settings: settings,
		places: map[string]int{}, begun: map[string]bool{}, acted: map[string]bool{}, swapped: map[string]bool{}, last: map[string]string{}, waited: map[string]time.Time{}}
}

// progressEvery is how often a wait is reported where no line can be redrawn.
const progressEvery = 10 * time.Second

// printEvent prints one event of a pass: a step, or the progress of a wait. Keys take
// their steps side by side, so the events of several keys come mixed.
func (n *narrator) printEvent(e rotate.Event) {
	profiles := joinNames(e.Profiles)
	if e.Place > 0 {
		n.places[profiles], n.keys = e.Place, e.Keys
	}
	if e.Progress && e.Verb == rotate.VerbFailed {
		if n.keys > 1 { // otherwise the error is the next line
			n.printHeading(e, profiles)
			n.printStep(e.Verb, e.Text)
		}
		return
	}
	if !e.Progress {
		n.printHeading(e, profiles)
		if e.Verb != rotate.VerbBegin && e.Verb != rotate.VerbUnused { // the heading says these
			delete(n.waited, profiles)
			n.acted[profiles] = true
			n.last[profiles] = e.Verb
			n.swapped[profiles] = n.swapped[profiles] || e.Verb == rotate.VerbSwapped
			n.printStep(e.Verb, e.Text)
		}
		return
	}
	if n.heading == "" || !n.begun[profiles] {
		n.printHeading(e, profiles)
	}
	line := n.term.shortenHome(formatWait(e, n.roomForWait(profiles)))
	if profiles != n.heading {
		line += "  (" + profiles + ")"
	}
	last, waits := n.waited[profiles]
	switch {
	case n.term.hasScreen():
		n.term.redrawLine(line)
	case !waits || e.Time.Sub(last) >= progressEvery:
		n.waited[profiles] = e.Time
		n.term.print(line + "\n")
	}
}

// printHeading starts a paragraph if the event is about another key than the last
// one.
func (n *narrator) printHeading(e rotate.Event, profiles string) {
	begun := n.begun[profiles]
	n.begun[profiles] = true
	switch {
	case e.Verb == rotate.VerbBegin:
		n.term.printParagraph("%s: %s", n.nameKey(e.Profiles), e.Text)
	case !begun && e.Verb == rotate.VerbMFA:
		n.term.printParagraph("%s: AWS asks for MFA", n.nameKey(e.Profiles))
	case !begun && e.Retiring:
		n.term.printParagraph("%s: continuing to retire %s", n.nameKey(e.Profiles), shortID(e.KeyID))
	case !begun:
		n.term.printParagraph("%s: continuing the rotation of %s", n.nameKey(e.Profiles), shortID(e.KeyID))
	case profiles != n.heading:
		n.term.printf("%s:\n", n.nameKey(e.Profiles))
	}
	n.heading = profiles
}

// manyKeys is from how many keys on the lines of a pass are numbered.
const manyKeys = 4

// isMany reports whether the pass is for so many keys that each line needs a name and a
// number.
func (n *narrator) isMany() bool { return n.keys >= manyKeys }

// nameKey returns the names of a key's profiles, with its number in front when the pass is
// for many keys and does something with this one.
func (n *narrator) nameKey(profiles []string) string {
	names := joinNames(profiles)
	if place := n.places[names]; place > 0 && n.isMany() && n.begun[names] {
		return fmt.Sprintf("[%d/%d] %s", place, n.keys, names)
	}
	return names
}

// nameVerb returns the verb of an event as people read it. In JSON, programs know it by the
// older word.
func nameVerb(verb string) string {
	if verb == rotate.VerbMended {
		return "repaired"
	}
	return verb
}

func (n *narrator) printStep(verb, text string) {
	lead := fmt.Sprintf("  %-11s ", nameVerb(verb))
	n.term.printBehind(lead, n.term.shortenHome(stripPackages(text)), len(lead))
}

// usualProof is how long AWS usually takes to accept a new key everywhere, five times in a
// row: it has been seen to take 10 to 30 s.
const usualProof = "usually 20s"

// roomForWait returns how many columns the line about a wait may have; 0 for no limit.
func (n *narrator) roomForWait(profiles string) int {
	if !n.term.hasScreen() {
		return 0
	}
	if profiles == n.heading {
		return n.term.width - 1
	}
	return max(n.term.width-1-countColumns(profiles)-len("  ()"), 1)
}

// formatWait says what keyd is waiting for, for how long, and for how long at most. The
// limit of a proof alone would worry people: a proof usually takes much less, so the line says
// that too. Where there is no room for all of it, it says less.
func formatWait(e rotate.Event, room int) string {
	elapsed, limit := formatElapsed(e.Elapsed), formatDuration(e.Limit)
	long, short := e.Text, strings.TrimPrefix(e.Text, "accepted by ")
	lines := []string{long + "  " + elapsed + " of " + limit + " at most", long + "  " + elapsed, short + "  " + elapsed}
	if e.Verb == rotate.VerbProving && e.Elapsed < e.Limit/4 {
		usual := elapsed + ", " + usualProof
		lines = []string{long + "  " + usual + ", " + limit + " at most", long + "  " + usual, short + "  " + usual, short + "  " + elapsed}
	}
	line := ""
	for _, text := range lines {
		line = fmt.Sprintf("  %-11s %s", e.Verb, text)
		if room <= 0 || countColumns(line) <= room {
			break
		}
	}
	return line
}

// printResult prints how a key stands at the end of a pass and what happens next.
// It returns the exit code for this key.
func (n *narrator) printResult(ctx context.Context, r rotate.Result) int {
	switch {
	case r.Err != nil && ctx.Err() != nil && errors.Is(r.Err, context.Cause(ctx)):
		return n.printInterrupted(ctx, r)
	case r.Err != nil:
		n.term.printError(prefixProfiles(r.Profiles, stripPackages(rotate.FailureText(r.Rotation, r.Err))), cmp.Or(hint.HintFor(r.Err, r.Profiles), r.Hint))
		return resultCode(r)
	case r.NeedsPerson:
		n.term.printError(prefixProfiles(r.Profiles, stripPackages(r.Why)), r.Hint)
		return exitPerson
	case r.State == decide.StateHeld && n.flags.force: // a person who forces it expects something
		resume := hint.Command("keyd resume", r.Profiles[0])
		n.term.printError(prefixProfiles(r.Profiles, "--force does nothing to a rotation that is held: "+strings.TrimSuffix(stripPackages(r.Why), "; to continue: "+resume)), resume)
		return exitPerson
	case r.State == decide.StateWaiting:
		n.term.printError(prefixProfiles(r.Profiles, stripPackages(r.Why)), r.Hint)
		return exitFailed
	case r.Do == decide.DoSkip && n.named && n.last[joinNames(r.Profiles)] != rotate.VerbRetired: // that has just been done
		n.term.printError(joinNames(r.Profiles)+": "+sayNothingToRotate(stripPackages(r.Why)), cmp.Or(r.Hint, "to see which keys keyd rotates: keyd status"))
		return exitFailed
	case !decide.ActionOf(r.Do).EndsPass:
		return n.printPreview(r)
	default:
		n.printClosing(r)
	}
	return exitDone
}

// sayNothingToRotate begins the reason why a key is skipped with what follows from it, unless
// the reason says so itself.
func sayNothingToRotate(why string) string {
	if strings.Contains(why, "nothing to rotate") {
		return why
	}
	return "nothing to rotate: " + why
}

func resultCode(r rotate.Result) int {
	if r.NeedsPerson {
		return exitPerson
	}
	return errorCode(r.Err)
}

// printInterrupted prints where an interrupted rotation stands. It prints nothing
// about a key without a rotation: nothing happened to it.
func (n *narrator) printInterrupted(ctx context.Context, r rotate.Result) int {
	rotation := r.Rotation
	if rotation == nil {
		return exitDone
	}
	n.term.printError(fmt.Sprintf("%s: %v; %s", joinNames(r.Profiles), context.Cause(ctx), decide.DescribeRotation(rotation)), hint.Command("keyd rotate", r.Profiles[0]))
	return errorCode(context.Cause(ctx))
}

// interruptedError says which keys Ctrl-C left untouched, or returns nil if it
// came after everything was done. A rotation that is in progress or has ended was
// reported already; code is the exit code of those reports.
func (n *narrator) interruptedError(ctx context.Context, results []rotate.Result, code int) error {
	var untouched []string
	changed := len(n.acted) > 0
	for _, r := range results {
		changed = changed || r.Rotation != nil
		if r.Rotation == nil && errors.Is(r.Err, context.Cause(ctx)) && !n.acted[joinNames(r.Profiles)] {
			untouched = append(untouched, r.Profiles...)
		}
	}
	switch {
	case len(untouched) > 0 && changed:
		return fmt.Errorf("%w: nothing was started for %s", context.Cause(ctx), joinNames(untouched))
	case len(untouched) > 0:
		return fmt.Errorf("%w: nothing was changed", context.Cause(ctx))
	case code != exitDone:
		return exitError(code)
	}
	return nil
}

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
	if n.term.hasScreen() && countColumns(place)+countColumns(change)+len("  : ") > n.term.width {
		separator = "\n    "
	}
	n.term.printf("  %s:%s%s\n", place, separator, change)
}
