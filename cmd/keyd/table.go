package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// tableRow is one key in a table, as text.
type tableRow struct {
	profiles, key, age, next, state string

	short string // what stands in place of the state where that is too long; "" for nothing shorter
	least string // what stands in place of short where that is too long as well
	mark  string // behind the age: that the key is old

	lines    []string // printed below the state, in its column
	paint    func(string) string
	paintAge func(string) string
}

// tableHeading returns the first row of a table, whose last column has this name.
func tableHeading(last string) tableRow {
	return tableRow{profiles: "PROFILE", key: "KEY", age: "AGE", next: "NEXT", state: last, paint: plainText, paintAge: plainText}
}

// statusTable renders a report for people.
func (t *terminal) statusTable(r *report) string {
	var b strings.Builder
	b.Grow(128 * len(r.Keys))
	t.writeTable(&b, r)
	t.writeDetails(&b, r)
	t.writeRemarks(&b, r)
	if len(r.Keys) > 0 || !r.needsMe {
		b.WriteString("\n" + t.formatEnd(r))
	}
	return b.String()
}

// formatEnd returns the last lines: how many keys there are, and whether a daemon runs.
func (t *terminal) formatEnd(r *report) string {
	text := t.formatSummary(r)
	if text != "" {
		text += "\n"
	}
	return text + t.formatFooter(r)
}

// formatFooter returns the last line, and above it who is at work now, if anybody is.
func (t *terminal) formatFooter(r *report) string {
	fill := func(line string) string {
		return layout.Fill("", t.nameCommands(layout.Cell(line)), layout.Hanging, t.width) + "\n"
	}
	if r.AtWork != nil {
		return fill("at work now: "+r.AtWork.String()) + fill(statusFooter(r))
	}
	return fill(statusFooter(r))
}

// writeTable writes one line for each key.
func (t *terminal) writeTable(b *strings.Builder, r *report) {
	switch {
	case len(r.Keys) == 0 && r.needsMe:
		b.WriteString("no key needs you\n")
	case len(r.Keys) == 0 && r.unread: // the warning says why
		b.WriteString("no profile can be read right now\n")
	case len(r.Keys) == 0:
		b.WriteString("no profile in " + layout.Cell(t.shortenHome(joinNames(r.Files))) + "\n")
	default:
		for _, line := range t.tableLines(r) {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
}

// tableLines returns the heading of the table, and one line for each key.
func (t *terminal) tableLines(r *report) []string {
	rows := make([]tableRow, 1, len(r.Keys)+1)
	rows[0] = tableHeading("STATE")
	for i := range r.Keys {
		rows = append(rows, t.statusRow(&r.Keys[i], r))
	}
	return t.formatRows(rows)
}

// statusRow returns the row of a key in the status: whatever it has to say is in its state.
func (t *terminal) statusRow(l *state.KeyStatus, r *report) tableRow {
	w := t.keyRow(l, r)
	if r.awaitsRun(*l) {
		w.next = "next run"
	}
	if len(l.Links) > 0 {
		w.state += "; linked: " + t.shortenHome(joinNames(l.Links))
	}
	if l.InRotation {
		for _, line := range hookLines(*l, r.Now) {
			w.state += "; " + line
		}
	}
	w.state, w.lines = layout.Cell(t.nameCommands(w.state)), nil
	return w
}

// awaitsRun reports whether the next step of a key waits until keyd runs again: nothing is
// running that could do it on time.
func (r *report) awaitsRun(l state.KeyStatus) bool {
	return !r.Running && l.Until.After(r.Now) && (l.State == decide.StateWaiting || l.State == decide.StateRotating) && !l.NeedsPerson
}

// keyRow returns the row of a key in any table.
func (t *terminal) keyRow(l *state.KeyStatus, r *report) tableRow {
	w := tableRow{
		profiles: layout.Cell(joinNames(l.Profiles)), key: layout.Cell(shortID(l.KeyID)), age: "-", next: formatNext(l, r.Now),
		state: "ok", paint: plainText, paintAge: plainText,
	}
	if l.KeyID == "" {
		w.key = "-"
	}
	if !l.Created.IsZero() {
		old := r.Now.Sub(l.Created)
		w.age, w.mark, w.paintAge = formatAge(old), ageMark(old, r.settings.MaxAge), t.ageColour(old, r.settings.MaxAge)
	}
	switch {
	case l.NeedsPerson:
		w.paint = t.red
	case l.State == decide.StateWaiting || l.State == decide.StateHeld || l.State == decide.StateDue:
		w.paint = t.yellow
	case l.State == decide.StateSkipped || l.State == decide.StateNew:
		w.paint = t.dim
	case l.State == decide.StateOK:
		w.paint = t.green
	}
	if l.State != decide.StateOK || l.Created.IsZero() && l.Short != "" { // otherwise its age says all
		w.state = t.shortenHome(string(l.State) + ": " + stripPackages(l.Why))
		w.least = layout.Cell(t.shortenHome(shortReason(l)))
		w.short = string(l.State) + ": " + w.least
	}
	if l.Asks != "" && l.Until.After(r.Now) {
		w.state += ": programs that run have the new key by " + formatMoment(l.Until, r.Now)
	}
	if l.Hint != "" {
		w.lines = append(w.lines, t.shortenHome(t.nameSettings(formatHint(l.Hint))))
	}
	return w
}

// shortReason returns why the key is as it is, in a few words.
func shortReason(l *state.KeyStatus) string {
	if l.Short != "" {
		return l.Short
	}
	text := stripPackages(l.Why) // an older keyd has written the status, or there are no fewer words
	if place, rest, found := strings.Cut(text, ": "); found && strings.ContainsAny(place, `/\`) {
		return place[strings.LastIndexAny(place, `/\`)+1:] + ": " + rest
	}
	if i := strings.IndexAny(text, ":;,"); i > 0 && strings.HasPrefix(text[i+1:], " ") {
		return text[:i]
	}
	return text
}

// isNearLimit reports whether a key of this age is in the last tenth before limit, which
// auditors check, or past it.
func isNearLimit(old, limit time.Duration) bool { return limit > 0 && old >= limit-limit/10 }

// ageMark returns what stands behind the age of a key that is near the limit, or past it.
func ageMark(old, limit time.Duration) string {
	switch {
	case !isNearLimit(old, limit):
		return ""
	case old < limit:
		return "!"
	}
	return "!!"
}

// ageColour returns yellow for the last tenth before limit, and red from then on.
func (t *terminal) ageColour(old, limit time.Duration) func(string) string {
	switch {
	case !isNearLimit(old, limit):
		return plainText
	case old < limit:
		return t.yellow
	}
	return t.red
}

// needsYou is in the column NEXT of a key that needs a person.
const needsYou = "needs you"

func formatNext(l *state.KeyStatus, now time.Time) string {
	switch {
	case l.NeedsPerson:
		return needsYou
	case l.Until.IsZero():
		return "-"
	case !l.Until.After(now):
		return "now"
	}
	return "in " + formatDuration(l.Until.Sub(now))
}

// writeRemarks writes what concerns the files, the settings or the state folder,
// and so no single key.
func (t *terminal) writeRemarks(b *strings.Builder, r *report) {
	var all []string
	if r.Locks != "" {
		all = append(all, t.red(layout.Cell(t.shortenHome(stripPackages(r.Locks)))))
	}
	switch {
	case r.told: // the error below says why
		all = append(all, t.red(r.settingsInForce()))
	case r.Settings != "":
		all = append(all, t.red(layout.Cell(t.shortenHome(stripPackages(r.Settings))))+": "+r.settingsInForce())
	}
	notes := append(r.Notes[:len(r.Notes):len(r.Notes)], r.Warnings...)
	switch {
	case r.needsMe: // these need nobody
		notes = nil
	case t.hasScreen():
		notes = append(r.Notes[:len(r.Notes):len(r.Notes)], r.groupWarnings()...)
	}
	for _, text := range notes {
		all = append(all, t.yellow("warning: ")+layout.Cell(t.shortenHome(stripPackages(text))))
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
	for _, text := range all {
		b.WriteString(layout.Fill("", t.nameCommands(text), layout.Hanging, t.width) + "\n")
	}
}

// nothingToRotate is said to those who have no long-term key: they need keyd least.
const nothingToRotate = "there is nothing to rotate: no profile holds a long-term access key, and none is safer"

// hasNothingToRotate reports whether every profile gets its credentials in another way than
// from a long-term key in the files.
func (r *report) hasNothingToRotate() bool {
	return len(r.Keys) > 0 && len(r.Warnings) == 0 && !slices.ContainsFunc(r.Keys, func(l state.KeyStatus) bool { return l.KeyID != "" || l.State != decide.StateSkipped })
}

// statusFooter says whether a daemon is running, and when the keys were checked last.
func statusFooter(r *report) string {
	checked := "not checked yet"
	if !r.Looked.IsZero() {
		checked = "last checked " + formatAgo(r.Now.Sub(r.Looked))
	}
	switch {
	case r.Daemon != nil:
		return fmt.Sprintf("keyd has been running since %s (pid %d); %s%s", formatMoment(r.Daemon.Since, r.Now), r.Daemon.PID, checked, formatNextLook(r))
	case !r.Running && r.hasNothingToRotate():
		return nothingToRotate
	case !r.Running && r.installed:
		return "the service is not running; to start it: keyd start; " + checked
	case !r.Running && r.Looked.IsZero():
		return "not checked yet; to see what keyd would do: keyd rotate --dry-run; to see what is in the way: keyd doctor; to start it in the background: keyd install"
	case !r.Running:
		return "keyd is not running in the background; to start it: keyd install; " + checked + " by keyd " + r.By
	case r.By != "run":
		return "keyd is running; " + checked + formatNextLook(r)
	}
	return fmt.Sprintf("keyd is running (pid %d); %s%s", r.PID, checked, formatNextLook(r))
}

func formatNextLook(r *report) string {
	if r.Looked.IsZero() || !r.nextLook.After(r.Now) {
		return ""
	}
	return ", next check in " + formatDuration(r.nextLook.Sub(r.Now))
}
