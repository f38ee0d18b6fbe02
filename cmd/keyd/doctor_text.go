package main

import (
	"fmt"
	"slices"
	"strings"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/doctor"
	"keyd/daemon/settings"
)

// formatDoctor renders what the doctor found. With all, it names every check.
func (t *terminal) formatDoctor(r *doctor.Report, all bool) string {
	var b strings.Builder
	var last doctor.Group
	for _, c := range r.Checks {
		found := slices.DeleteFunc(slices.Clone(r.Findings), func(e doctor.Entry) bool {
			return e.Check != c.Name || !all && (e.Severity == doctor.Fine || e.Usual)
		})
		if len(found) == 0 && !all {
			continue
		}
		if c.Group != last {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			b.WriteString(string(c.Group) + "\n")
			last = c.Group
		}
		if len(found) == 0 {
			b.WriteString(t.checkLine(c))
		}
		for _, e := range found {
			t.writeEntry(&b, e)
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString(t.doctorSummary(r))
	return b.String()
}

// checkLine renders a check that has found nothing.
func (t *terminal) checkLine(c doctor.Checked) string {
	if c.Skipped != "" {
		return fmt.Sprintf("  %s  %s: not looked at, %s\n", t.yellow("unknown"), c.Name, c.Skipped)
	}
	return fmt.Sprintf("  %s     %s\n", t.dim("fine"), c.Name)
}

// writeEntry writes a finding: what it is, why it matters, and what helps. A command stands
// alone on its line, so that it can be copied.
func (t *terminal) writeEntry(b *strings.Builder, e doctor.Entry) {
	word, paint := string(e.Severity), map[doctor.Severity]func(string) string{doctor.Wrong: t.red, doctor.Unknown: t.yellow, doctor.Note: t.yellow, doctor.Fine: t.dim}[e.Severity]
	if e.Fixed != "" {
		word, paint = "repaired", t.dim
	}
	const indent = "           "
	write := func(lead, text string) {
		for i, line := range layout.Wrap(t.shortenHome(text), max(t.width-len(indent)-len(lead), 0)) {
			if i > 0 {
				lead = strings.Repeat(" ", len(lead))
			}
			b.WriteString(indent + lead + line + "\n")
		}
	}
	lines := layout.Wrap(t.shortenHome(e.Found), max(t.width-len(indent), 0))
	b.WriteString("  " + paint(word) + strings.Repeat(" ", max(len(indent)-2-len(word), 1)) + lines[0] + "\n")
	for _, line := range lines[1:] {
		b.WriteString(indent + line + "\n")
	}
	if e.Severity == doctor.Fine {
		return
	}
	if e.Fixed != "" {
		write("", e.Fixed)
		return
	}
	write("why: ", e.Why)
	if e.Run != "" {
		b.WriteString(indent + "run: " + t.shortenHome(t.nameSettings(e.Run)) + "\n")
	}
	if e.Ask != "" {
		write("", t.nameSettings(e.Ask))
	}
	if e.Left != "" {
		write("", "not repaired: "+e.Left)
	}
}

// doctorSummary is the last line, and the only one when all is well.
func (t *terminal) doctorSummary(r *doctor.Report) string {
	skipped, usual, mended := 0, 0, 0
	for _, c := range r.Checks {
		if c.Skipped != "" {
			skipped++
		}
	}
	for _, e := range r.Findings {
		switch {
		case e.Fixed != "":
			mended++
		case e.Usual:
			usual++
		}
	}
	var parts []string
	wrong, unknown, notes := r.Count(doctor.Wrong), r.Count(doctor.Unknown), r.Count(doctor.Note)
	switch {
	case wrong > 0:
		parts = append(parts, t.red(settings.FormatCount(wrong, "thing needs you", "things need you")))
	case unknown+notes > 0:
		parts = append(parts, "nothing needs you")
	default:
		parts = append(parts, "all is well")
	}
	if unknown > 0 {
		parts = append(parts, t.yellow(settings.FormatCount(unknown, "thing is unknown", "things are unknown")))
	}
	if notes > 0 {
		parts = append(parts, settings.FormatCount(notes, "note", "notes"))
	}
	if mended > 0 {
		parts = append(parts, settings.FormatCount(mended, "thing repaired", "things repaired"))
	}
	if skipped > 0 {
		parts = append(parts, settings.FormatCount(skipped, "check not made", "checks not made"))
	}
	if usual > 0 {
		parts = append(parts, settings.FormatCount(usual, "thing", "things")+" that only use can show (keyd doctor --all)")
	}
	line := strings.Join(parts, ", ")
	if n := r.CountFixable(); n > 0 && mended == 0 {
		line += fmt.Sprintf("; keyd doctor --fix repairs %d", n)
	}
	return layout.Fill("", line, layout.Hanging, t.width) + "\n"
}
