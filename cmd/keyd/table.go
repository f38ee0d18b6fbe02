package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"keyd/daemon"
)

// tableRow is one line of the table, as text.
type tableRow struct {
	profiles, key, age, next, state string
	lines                           []string // more below the state
	paint                           func(string) string
	paintAge                        func(string) string
}

// statusTable prints a report for people.
func (u *ui) statusTable(r *report) string {
	var b strings.Builder
	rows := []tableRow{{profiles: "PROFILE", key: "KEY", age: "AGE", next: "NEXT", state: "STATE", paint: plain, paintAge: plain}}
	for _, l := range r.Keys {
		rows = append(rows, u.keyRow(l, r))
	}
	if len(r.Keys) == 0 {
		fmt.Fprintf(&b, "no profile in %s\n", u.shortenHome(joinNames(r.Files)))
	} else {
		u.writeRows(&b, rows)
	}
	u.writeRemarks(&b, r)
	b.WriteString("\n" + u.statusFooter(r) + "\n")
	return b.String()
}

func (u *ui) keyRow(l daemon.KeyLine, r *report) tableRow {
	w := tableRow{
		profiles: joinNames(l.Profiles), key: shortID(l.Key), age: "-", next: formatNext(l, r.Now),
		state: u.shortenHome(string(l.State) + ": " + stripPackages(l.Why)), paint: plain, paintAge: plain,
	}
	if l.Key == "" {
		w.key = "-"
	}
	if !l.Created.IsZero() {
		old := r.Now.Sub(l.Created)
		w.age, w.paintAge = formatAge(old), u.ageColour(old, r.settings.MaxAge)
	}
	switch {
	case l.NeedsPerson:
		w.paint = u.red
	case l.State == daemon.Waiting || l.State == daemon.Held || l.State == daemon.Due:
		w.paint = u.yellow
	case l.State == daemon.Skipped || l.State == stateNew:
		w.paint = u.dim
	}
	if l.State == daemon.OK {
		w.state = "ok"
	}
	if l.Run != "" {
		w.lines = append(w.lines, u.shortenHome(formatHint(l.Run)))
	}
	return w
}

// ageColour turns red before the limit that auditors check.
func (u *ui) ageColour(old, limit time.Duration) func(string) string {
	if old >= limit-limit/10 {
		return u.red
	}
	return plain
}

func formatNext(l daemon.KeyLine, now time.Time) string {
	switch {
	case l.NeedsPerson:
		return "needs you"
	case l.Next.IsZero():
		return "-"
	case !l.Next.After(now):
		return "now"
	}
	return "in " + formatDuration(l.Next.Sub(now))
}

// narrowest is the width below which a state gets lines of its own: a column of
// single words is worse.
const narrowest = 24

// writeRows puts the rows into columns; ages stand right, as numbers do. On a
// terminal the last column is wrapped.
func (u *ui) writeRows(b *strings.Builder, rows []tableRow) {
	profiles, key, age, next := 0, 0, 0, 0
	for _, r := range rows {
		profiles = max(profiles, countColumns(r.profiles))
		key, age, next = max(key, countColumns(r.key)), max(age, countColumns(r.age)), max(next, countColumns(r.next))
	}
	indent, gap := profiles+key+age+next+8, "  "
	if u.hasScreen() && u.width-indent < narrowest {
		indent, gap = 4, "\n    "
	}
	for _, r := range rows {
		lines := u.wrapState(r, indent)
		for _, text := range []string{padRight(r.profiles, profiles), "  ", padRight(r.key, key), "  ",
			strings.Repeat(" ", age-countColumns(r.age)), r.paintAge(r.age), "  ", padRight(r.next, next), gap, r.paint(lines[0]), "\n"} {
			b.WriteString(text)
		}
		for _, line := range lines[1:] {
			fmt.Fprintf(b, "%*s%s\n", indent, "", r.paint(line))
		}
	}
}

func (u *ui) wrapState(r tableRow, indent int) []string {
	width := 0
	if u.hasScreen() {
		width = max(u.width-indent, narrowest)
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

// writeRemarks are about the files, the settings and the state, not about one key.
func (u *ui) writeRemarks(b *strings.Builder, r *report) {
	var all []string
	if r.Settings != "" {
		all = append(all, u.red(u.shortenHome(stripPackages(r.Settings)))+r.settingsInForce())
	}
	for _, text := range append(r.Notes[:len(r.Notes):len(r.Notes)], r.Warnings...) {
		all = append(all, u.yellow("warning: ")+u.shortenHome(stripPackages(text)))
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
	for _, text := range all {
		b.WriteString(strings.Join(wrapText(text, u.width), "\n    ") + "\n")
	}
}
