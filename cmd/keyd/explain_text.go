package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// formatExplanations renders explanations for people.
func (t *terminal) formatExplanations(all []explanation, r *report) string {
	var b strings.Builder
	for i, e := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		e.write(t, &b, r)
	}
	t.writeRemarks(&b, r)
	b.WriteString("\n" + t.formatFooter(r))
	return b.String()
}

// write writes all parts of an explanation.
func (e *explanation) write(t *terminal, b *strings.Builder, r *report) {
	for _, line := range layout.Wrap(t.bold(layout.Cell(joinNames(e.Profiles)))+layout.Cell(e.identify(r.Now)), t.width) {
		b.WriteString(line + "\n")
	}
	part := func(heading string, lines []string) {
		if len(lines) == 0 {
			return
		}
		b.WriteString("\n" + heading + "\n")
		for _, line := range lines {
			t.writeLine(b, 4, t.shortenHome(line))
		}
	}
	paint := plainText
	if e.NeedsPerson {
		paint = t.red
	}
	why := []string{stateAndWhy(e.State, stripPackages(e.Why))}
	if e.State == decide.StateOK && e.Why == "" {
		why = []string{"ok"}
	}
	part(paint("why"), why)
	part("who says so", e.evidence(r))
	b.WriteString("\nwhat to do\n")
	t.writePieces(b, e.remedy(t, r))
	part("where it is", e.whereabouts(r.Now))
	b.WriteString("\nits life\n")
	for _, line := range e.lifeLines(t, r) {
		b.WriteString("    " + line + "\n")
	}
}

// writePieces writes what a person can do, with each command alone in its line.
func (t *terminal) writePieces(b *strings.Builder, pieces []layout.Piece) {
	for _, p := range pieces {
		if p.IsCommand {
			b.WriteString("        " + p.Text + "\n")
		} else {
			t.writeLine(b, 4, p.Text)
		}
	}
}

// writeLine writes a text with this indentation, wrapped.
func (t *terminal) writeLine(b *strings.Builder, indent int, text string) {
	for _, line := range layout.Wrap(t.nameCommands(layout.Cell(text)), t.room(indent)) {
		b.WriteString(strings.Repeat(" ", indent) + line + "\n")
	}
}

// identify names the key, its owner and its age.
func (e *explanation) identify(now time.Time) string {
	if e.KeyID == "" {
		return "  no key of its own"
	}
	text := "  " + shortID(e.KeyID) + " (" + e.KeyID + ")"
	if e.Seen != nil && e.Seen.User != "" {
		text += " of user " + e.Seen.User + ", account " + e.Seen.Account
	}
	if !e.Created.IsZero() {
		text += ", " + formatAge(now.Sub(e.Created)) + " old"
	}
	return text
}

// evidence says who said what, and when.
func (e *explanation) evidence(r *report) (lines []string) {
	now := r.Now
	who := "AWS"
	if e.Endpoint != "" {
		who = e.Endpoint
	}
	if of := e.rotation; of != nil && !of.IsRetirement() && !of.Validated.IsZero() {
		lines = append(lines, fmt.Sprintf("%s, asked %s with the bytes in the files: it accepts %s", who, formatAgo(now.Sub(of.Validated)), shortID(of.New.ID)))
	}
	switch {
	case e.Seen == nil:
	case e.Seen.At.IsZero():
		lines = append(lines, who+", asked before the last change: "+e.listKeys())
	default:
		lines = append(lines, fmt.Sprintf("%s, asked %s: %s", who, formatAgo(now.Sub(e.Seen.At)), e.listKeys()))
	}
	if e.Seen != nil && e.Seen.Estimate != nil && e.Created.IsZero() {
		lines = append(lines, "its age is estimated by "+e.Seen.Estimate.By+", as AWS tells it only with MFA")
	}
	switch {
	case e.OldKeyUse != nil && e.rotation != nil:
		lines = append(lines, "about the old key "+shortID(e.rotation.Old.ID)+": "+oldUse(e.rotation.Old.ID, e.OldKeyUse).format(now))
	case e.KeyUse != nil && e.rotation == nil:
		lines = append(lines, "about its use: "+restUse(e.KeyID, e.KeyUse).format(now))
	}
	if f := e.Failure; f != nil {
		text := fmt.Sprintf("%s failed %s", f.Do, formatAgo(now.Sub(f.At)))
		if f.Count > 1 {
			text = fmt.Sprintf("%s failed %d times, last %s", f.Do, f.Count, formatAgo(now.Sub(f.At)))
		}
		if !f.DeniedSince.IsZero() {
			text += ", denied since " + formatMoment(f.DeniedSince, now)
		}
		lines = append(lines, "the step "+text+": "+stripPackages(f.Why))
	}
	switch {
	case len(lines) > 0:
	case e.State == decide.StateNew || e.State == decide.StateSkipped || r.Looked.IsZero():
		lines = []string{"the files alone: AWS was not asked about it"}
	default:
		lines = []string{"the last pass, by keyd " + r.By + ", " + formatAgo(now.Sub(r.Looked))}
	}
	return lines
}

// listKeys says which keys AWS listed for the user.
func (e *explanation) listKeys() string {
	if e.Seen.Root {
		return "it is the key of the account's root"
	}
	if e.Seen.User == "" {
		return "it belongs to " + e.Seen.ARN
	}
	var keys []string
	for _, k := range e.Seen.Keys {
		text := shortID(k.ID) + " is " + k.Status
		if !k.Created.IsZero() {
			text += ", made " + k.Created.Local().Format("2 Jan 2006")
		}
		keys = append(keys, text)
	}
	if len(keys) == 0 {
		return e.Seen.User + " has no key that is listed"
	}
	return strings.Join(keys, "; ")
}

// remedy says what a person can do, with each command as a piece of its own.
func (e *explanation) remedy(t *terminal, r *report) []layout.Piece {
	if e.Hint != "" {
		return t.splitHints([]string{t.shortenHome(t.nameSettings(layout.Cell(e.Hint)))})
	}
	text := "nothing: keyd does what is next by itself"
	switch {
	case e.NeedsPerson:
		text = "what the reason says; then keyd continues"
	case e.State == decide.StateSkipped:
		return []layout.Piece{{Text: "nothing"}}
	case e.State == decide.StateHeld && e.Until.IsZero():
		text = "nothing while it is on hold; the reason says how to continue"
	case !r.Running && r.installed:
		return t.splitHints([]string{"nothing now; what is next needs the service: keyd start"})
	case !r.Running:
		return t.splitHints([]string{"nothing now; what is next needs keyd: keyd install, or from time to time: keyd rotate"})
	}
	return []layout.Piece{{Text: text}}
}

// whereabouts names the files and lines that show the key, and what keyd keeps up to date
// with it.
func (e *explanation) whereabouts(now time.Time) (lines []string) {
	for _, p := range e.places {
		text := fmt.Sprintf("%s:%d, profile %s", p.Path, p.Line, p.Name)
		if p.Key.ID != "" && p.Key.ID != e.KeyID {
			text += ", shows " + shortID(p.Key.ID)
		}
		lines = append(lines, text)
	}
	for _, path := range e.Links {
		lines = append(lines, path+", a linked file: keyd changes it as well")
	}
	for _, h := range e.Hooks {
		lines = append(lines, "hook "+h.Name+": "+formatHook(h, now))
	}
	if c := e.FoundCopies; c != nil {
		of := ""
		if c.KeyID != e.KeyID {
			of = " of " + shortID(c.KeyID)
		}
		for _, f := range c.Files {
			text := filepath.Clean(f.Path)
			if f.Line > 0 {
				text = fmt.Sprintf("%s:%d", text, f.Line)
			}
			lines = append(lines, text+", a copy"+of+": keyd does not change it")
		}
		for _, p := range c.Processes {
			lines = append(lines, fmt.Sprintf("%s (pid %d), which runs with it%s in its environment", p.Name, p.PID, of))
		}
		if n := c.MoreFiles + c.MoreProcesses; n > 0 {
			lines = append(lines, settings.FormatNumber(int64(n))+" more of these")
		}
		lines = append(lines, "this machine was searched "+formatAgo(now.Sub(c.Searched)))
	} else if credfile.IsLongTerm(e.KeyID) || e.Endpoint != "" && e.KeyID != "" {
		lines = append(lines, "this machine was not searched for copies; to do it: "+hint.Command("keyd where", e.Profiles[0]))
	}
	return lines
}

// lifeLines returns the life of each key as a line, and what is next.
func (e *explanation) lifeLines(t *terminal, r *report) (lines []string) {
	now := r.Now
	first := e.KeyID
	if e.rotation != nil {
		first = e.rotation.Old.ID
	}
	lines = append(lines, t.lifeLine(first, e.old, now)...)
	if e.rotation != nil && len(e.next) > 0 {
		lines = append(lines, t.lifeLine(e.rotation.New.ID, e.next, now)...)
	}
	switch {
	case r.awaitsRun(e.KeyStatus):
		lines = append(lines, "next: when keyd runs again")
	case e.Until.After(now):
		lines = append(lines, "next: in "+formatDuration(e.Until.Sub(now))+", "+formatMoment(e.Until, now))
	}
	return lines
}

// lifeLine draws a life: "AKIA..Z6JG  created 16 Sep ── replaced 30 Nov ·· off ~7 Dec". It is
// broken between stations.
func (t *terminal) lifeLine(id string, life []decide.Stage, now time.Time) (lines []string) {
	lead := layout.Cell(shortID(id)) + "  "
	if id == "" || len(life) == 0 {
		return []string{lead + "nothing is known of it yet"}
	}
	line := lead
	for i, stage := range life {
		text := stage.Name
		switch {
		case !stage.At.IsZero() && stage.Ahead:
			text += " ~" + formatDay(stage.At, now)
		case !stage.At.IsZero():
			text += " " + formatDay(stage.At, now)
		}
		if i > 0 {
			join := " ── "
			if stage.Ahead {
				join = " ·· "
			}
			if limit := t.room(4); limit > 0 && layout.CountColumns(line+join+text) > limit {
				lines = append(lines, line)
				line = strings.Repeat(" ", layout.CountColumns(lead)-1) + join[1:]
			} else {
				line += join
			}
		}
		line += text
	}
	return append(lines, line)
}

// formatDay prints a day, with the year if it is another one.
func formatDay(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	switch {
	case startOfDay(at).Equal(startOfDay(now)):
		return at.Format("15:04")
	case at.Year() == now.Year():
		return at.Format("2 Jan")
	}
	return at.Format("2 Jan 2006")
}
