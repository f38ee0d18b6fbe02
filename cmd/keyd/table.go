package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"keyd/daemon"
)

// row is one line of the table, as text.
type row struct {
	profiles, key, age, next, state string
	lines                           []string // more below the state
	paint                           func(string) string
	paintAge                        func(string) string
}

// table prints a report for people.
func (u *ui) table(r *report) string {
	var b strings.Builder
	rows := []row{{profiles: "PROFILE", key: "KEY", age: "AGE", next: "NEXT", state: "STATE", paint: plain, paintAge: plain}}
	for _, l := range r.Keys {
		rows = append(rows, u.row(l, r))
	}
	if len(r.Keys) == 0 {
		fmt.Fprintf(&b, "no profile in %s\n", u.short(listed(r.Files)))
	} else {
		u.layout(&b, rows)
	}
	u.remarks(&b, r)
	b.WriteString("\n" + u.footer(r) + "\n")
	return b.String()
}

func (u *ui) row(l daemon.KeyLine, r *report) row {
	w := row{
		profiles: listed(l.Profiles), key: shortID(l.Key), age: "-", next: next(l, r.Now),
		state: u.short(string(l.State) + ": " + plainly(l.Why)), paint: plain, paintAge: plain,
	}
	if l.Key == "" {
		w.key = "-"
	}
	if !l.Created.IsZero() {
		old := r.Now.Sub(l.Created)
		w.age, w.paintAge = age(old), u.shade(old, r.settings.MaxAge)
	}
	switch {
	case l.NeedsPerson:
		w.paint = u.red
	case l.State == daemon.Waiting || l.State == daemon.Held || l.State == daemon.Due:
		w.paint = u.yellow
	case l.State == daemon.Skipped || l.State == unseen:
		w.paint = u.dim
	}
	if l.State == daemon.OK {
		w.state = "ok"
	}
	if l.Run != "" {
		w.lines = append(w.lines, u.short(advice(l.Run)))
	}
	return w
}

// shade turns red before the limit that auditors check.
func (u *ui) shade(old, limit time.Duration) func(string) string {
	if old >= limit-limit/10 {
		return u.red
	}
	return plain
}

func next(l daemon.KeyLine, now time.Time) string {
	switch {
	case l.NeedsPerson:
		return "needs you"
	case l.Next.IsZero():
		return "-"
	case !l.Next.After(now):
		return "now"
	}
	return "in " + span(l.Next.Sub(now))
}

// narrowest is the width below which a state gets lines of its own: a column of
// single words is worse.
const narrowest = 24

// layout puts the rows into columns; ages stand right, as numbers do. On a
// terminal the last column is wrapped.
func (u *ui) layout(b *strings.Builder, rows []row) {
	profiles, key, age, next := 0, 0, 0, 0
	for _, r := range rows {
		profiles = max(profiles, columns(r.profiles))
		key, age, next = max(key, columns(r.key)), max(age, columns(r.age)), max(next, columns(r.next))
	}
	indent, gap := profiles+key+age+next+8, "  "
	if u.terminal() && u.width-indent < narrowest {
		indent, gap = 4, "\n    "
	}
	for _, r := range rows {
		lines := u.wrapped(r, indent)
		for _, text := range []string{pad(r.profiles, profiles), "  ", pad(r.key, key), "  ",
			strings.Repeat(" ", age-columns(r.age)), r.paintAge(r.age), "  ", pad(r.next, next), gap, r.paint(lines[0]), "\n"} {
			b.WriteString(text)
		}
		for _, line := range lines[1:] {
			fmt.Fprintf(b, "%*s%s\n", indent, "", r.paint(line))
		}
	}
}

func (u *ui) wrapped(r row, indent int) []string {
	width := 0
	if u.terminal() {
		width = max(u.width-indent, narrowest)
	}
	lines := wrap(r.state, width)
	for _, line := range r.lines {
		lines = append(lines, wrap(line, width)...)
	}
	return lines
}

func columns(text string) int { return utf8.RuneCountInString(text) }

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-columns(text), 0))
}

// remarks are about the files, the settings and the state, not about one key.
func (u *ui) remarks(b *strings.Builder, r *report) {
	var all []string
	if r.Settings != "" {
		all = append(all, u.red(u.short(plainly(r.Settings)))+r.inForce())
	}
	for _, text := range append(r.Notes[:len(r.Notes):len(r.Notes)], r.Warnings...) {
		all = append(all, u.yellow("warning: ")+u.short(plainly(text)))
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
	for _, text := range all {
		b.WriteString(strings.Join(wrap(text, u.width), "\n    ") + "\n")
	}
}
