package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
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
	return max(n.term.width-1-layout.CountColumns(profiles)-len("  ()"), 1)
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
		if room <= 0 || layout.CountColumns(line) <= room {
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
