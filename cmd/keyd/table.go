package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// tableRow is one key in a table, as text.
type tableRow struct {
	profiles, key, age, next, state string

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
	rows := []tableRow{tableHeading("STATE")}
	for _, l := range r.Keys {
		rows = append(rows, t.keyRow(l, r))
	}
	if len(r.Keys) == 0 {
		b.WriteString("no profile in " + t.shortenHome(joinNames(r.Files)) + "\n")
	} else {
		t.writeRows(&b, rows)
	}
	t.writeRemarks(&b, r)
	b.WriteString("\n" + statusFooter(r) + "\n")
	return b.String()
}

func (t *terminal) keyRow(l state.KeyStatus, r *report) tableRow {
	w := tableRow{
		profiles: joinNames(l.Profiles), key: shortID(l.KeyID), age: "-", next: formatNext(l, r.Now),
		state: t.shortenHome(string(l.State) + ": " + stripPackages(l.Why)), paint: plainText, paintAge: plainText,
	}
	if l.KeyID == "" {
		w.key = "-"
	}
	if !l.Created.IsZero() {
		old := r.Now.Sub(l.Created)
		w.age, w.paintAge = formatAge(old), t.ageColour(old, r.settings.MaxAge)
	}
	switch {
	case l.NeedsPerson:
		w.paint = t.red
	case l.State == decide.StateWaiting || l.State == decide.StateHeld || l.State == decide.StateDue:
		w.paint = t.yellow
	case l.State == decide.StateSkipped || l.State == decide.StateNew:
		w.paint = t.dim
	}
	if l.State == decide.StateOK {
		w.state = "ok"
	}
	if l.Asks != "" && l.Until.After(r.Now) {
		w.state += ": programs that run have the new key by " + formatMoment(l.Until, r.Now)
	}
	if len(l.Links) > 0 {
		w.lines = append(w.lines, t.shortenHome("linked: "+joinNames(l.Links)))
	}
	if l.Hint != "" {
		w.lines = append(w.lines, t.shortenHome(t.nameSettings(formatHint(l.Hint))))
	}
	if l.InRotation {
		w.lines = append(w.lines, hookLines(l, r.Now)...)
	}
	return w
}

// ageColour returns red for the last tenth before limit, which auditors check,
// and from then on.
func (t *terminal) ageColour(old, limit time.Duration) func(string) string {
	if old >= limit-limit/10 {
		return t.red
	}
	return plainText
}

func formatNext(l state.KeyStatus, now time.Time) string {
	switch {
	case l.NeedsPerson:
		return "needs you"
	case l.Until.IsZero():
		return "-"
	case !l.Until.After(now):
		return "now"
	}
	return "in " + formatDuration(l.Until.Sub(now))
}

// narrowest is the minimum width of the state's column. If the terminal leaves less,
// the state moves to separate lines, because a column of single words reads worse.
const narrowest = 24

// writeRows arranges the rows in columns. Ages are aligned to the right, as
// numbers are. On a terminal the last column is wrapped.
func (t *terminal) writeRows(b *strings.Builder, rows []tableRow) {
	profiles, key, age, next := 0, 0, 0, 0
	for _, r := range rows {
		profiles = max(profiles, countColumns(r.profiles))
		key, age, next = max(key, countColumns(r.key)), max(age, countColumns(r.age)), max(next, countColumns(r.next))
	}
	indent, gap := profiles+key+age+next+8, "  "
	if t.hasScreen() && t.width-indent < narrowest {
		indent, gap = 4, "\n    "
	}
	for _, r := range rows {
		lines := t.wrapState(r, indent)
		for _, text := range []string{padRight(r.profiles, profiles), "  ", padRight(r.key, key), "  ",
			strings.Repeat(" ", age-countColumns(r.age)), r.paintAge(r.age), "  ", padRight(r.next, next), gap, r.paint(lines[0]), "\n"} {
			b.WriteString(text)
		}
		for _, line := range lines[1:] {
			b.WriteString(strings.Repeat(" ", indent) + r.paint(line) + "\n")
		}
	}
}

func (t *terminal) wrapState(r tableRow, indent int) []string {
	width := 0
	if t.hasScreen() {
		width = max(t.width-indent, narrowest)
	}
	lines := wrapText(r.state, width)
	for _, line := range r.lines {
		lines = append(lines, wrapText(line, width)...)
	}
	return lines
}

func countColumns(text string) int { return utf8.RuneCountInString(text) }

func padRight(text string, width int) string {
	return text + strings.Repeat(" ", max(width-countColumns(text), 0))
}

// writeRemarks writes what concerns the files, the settings or the state folder,
// and so no single key.
func (t *terminal) writeRemarks(b *strings.Builder, r *report) {
	var all []string
	if r.Locks != "" {
		all = append(all, t.red(t.shortenHome(stripPackages(r.Locks))))
	}
	if r.Settings != "" {
		all = append(all, t.red(t.shortenHome(stripPackages(r.Settings)))+r.settingsInForce())
	}
	for _, text := range append(r.Notes[:len(r.Notes):len(r.Notes)], r.Warnings...) {
		all = append(all, t.yellow("warning: ")+t.shortenHome(stripPackages(text)))
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
	for _, text := range all {
		b.WriteString(strings.Join(wrapText(text, t.width), "\n    ") + "\n")
	}
}

// nothingToRotate is said to those who have no long-term key: they need keyd least.
const nothingToRotate = "there is nothing to rotate: no profile holds a long-term access key, and none is safer"

// hasNothingToRotate reports whether every profile gets its credentials in another way than
// from a long-term key in the files.
func (r *report) hasNothingToRotate() bool {
	return len(r.Keys) > 0 && len(r.Warnings) == 0 && !slices.ContainsFunc(r.Keys, func(l state.KeyStatus) bool { return l.KeyID != "" || l.State != decide.StateSkipped })
}

// statusFooter says whether a daemon is running, and when a pass looked last.
func statusFooter(r *report) string {
	looked := "no pass has looked yet"
	if !r.Looked.IsZero() {
		looked = "looked " + formatAgo(r.Now.Sub(r.Looked))
	}
	switch {
	case r.Daemon != nil:
		return fmt.Sprintf("keyd running since %s (pid %d), %s%s", formatMoment(r.Daemon.Since, r.Now), r.Daemon.PID, looked, formatNextLook(r))
	case !r.Running && r.hasNothingToRotate():
		return nothingToRotate
	case !r.Running && r.installed:
		return "the service is not running: keyd start; " + looked
	case !r.Running && r.Looked.IsZero():
		return "no daemon is running here, and " + looked + ": keyd install, or keyd rotate"
	case !r.Running:
		return "no daemon is running here: keyd install; keyd " + r.By + " " + looked
	case r.By != "run":
		return "keyd is running, " + looked + formatNextLook(r)
	}
	return fmt.Sprintf("keyd is running (pid %d), %s%s", r.PID, looked, formatNextLook(r))
}

func formatNextLook(r *report) string {
	if r.Looked.IsZero() || !r.nextLook.After(r.Now) {
		return ""
	}
	return ", next look in " + formatDuration(r.nextLook.Sub(r.Now))
}
