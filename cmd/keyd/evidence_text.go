package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/evidence"
	"keyd/daemon/settings"
)

// evidenceText renders the report for people, in their own time. On a screen it leaves out
// columns that say nothing, and puts what the three rules of auditors agree on into one column.
func (t *terminal) evidenceText(r *evidence.Report) string {
	var b strings.Builder
	if len(r.Keys) == 0 {
		b.WriteString("no key is known yet\n")
	} else {
		rows := [][]string{{"KEY", "PROFILES", "STATUS", "AGE", "CREATED", "OFF", "DELETED", "PROWLER", "STEAMPIPE", "CONFIG", "ASKED BY"}}
		for _, k := range r.Keys {
			rows = append(rows, evidenceRow(k))
		}
		if t.hasScreen() {
			rows = mergeVerdicts(rows)
		}
		b.WriteString(t.formatEvidence(rows))
	}
	if len(r.Rotations) > 0 {
		rows := [][]string{{"OLD KEY", "NEW KEY", "PROFILES", "BEGAN", "OLD KEY OFF", "AGE", "IN TIME", "REQUEST IDS", "ASKED BY"}}
		for _, o := range r.Rotations {
			rows = append(rows, []string{shortOrNone(o.OldKey), shortOrNone(o.NewKey), joinNames(o.Profiles), evidenceDay(o.Began), evidenceDay(o.Deactivated), evidenceAge(o.OldAgeDays), string(o.InTime), fmt.Sprint(len(o.Requests)), o.WhoAsked})
		}
		b.WriteString("\n" + t.formatEvidence(rows))
	}
	b.WriteString("\n")
	say := func(text string) { b.WriteString(layout.Fill("", text, layout.Hanging, t.width) + "\n") }
	if failing := failedControls(r.Controls); failing != "" {
		say("controls that a key fails: " + failing)
	}
	for _, line := range r.PolicyLines() {
		say(t.shortenHome(line))
	}
	say(describeRecord(r.History))
	say("for an auditor: keyd report --format html; every request id: keyd report --format json")
	return b.String()
}

// failedControls names the controls that a key fails, each framework once. Of what several
// versions of a framework ask, the newest one is named: their numbers differ.
func failedControls(all []evidence.Control) string {
	var frameworks []string
	failed := map[string][]evidence.Control{}
	for _, c := range all {
		if c.Outcome != evidence.Fail {
			continue
		}
		if failed[c.Framework] == nil {
			frameworks = append(frameworks, c.Framework)
		}
		older := func(o evidence.Control) bool { return o.Asks == c.Asks }
		failed[c.Framework] = append(slices.DeleteFunc(failed[c.Framework], older), c)
	}
	var parts []string
	for _, name := range frameworks {
		var ids []string
		for _, c := range failed[name] {
			id := c.ID
			if strings.HasPrefix(name, "CIS ") {
				id += " (" + c.Versions + ")"
			}
			ids = append(ids, id)
		}
		parts = append(parts, name+" "+joinNames(ids))
	}
	return strings.Join(parts, "; ")
}

// evidenceRow returns the cells of a key.
func evidenceRow(k *evidence.Key) []string {
	verdicts := []string{"unknown", "unknown", "unknown"}
	for i, v := range k.Verdicts {
		verdicts[i] = string(v.Outcome)
	}
	cells := []string{shortOrNone(k.ID), joinNames(k.Profiles), string(k.Status), evidenceAge(k.AgeDays), evidenceDay(k.Created), evidenceDay(k.Deactivated), evidenceDay(k.Deleted)}
	return append(append(cells, verdicts...), k.WhoAsked)
}

// mergeVerdicts puts the three verdicts of each key into one column, unless they differ for
// one of the keys, as they do on its 90th day only.
func mergeVerdicts(rows [][]string) [][]string {
	const first, last = 7, 9
	merged := make([][]string, len(rows))
	for i, row := range rows {
		if i > 0 && (row[first] != row[first+1] || row[first] != row[last]) {
			return rows
		}
		merged[i] = append(slices.Clone(row[:first+1]), row[last+1:]...)
	}
	merged[0][first] = "90 DAYS"
	return merged
}

// formatEvidence renders a table of the report. In a window that is too narrow, the columns
// that do not fit stand below each row, with their names.
func (t *terminal) formatEvidence(rows [][]string) string {
	if !t.hasScreen() {
		return layout.FormatColumns(rows)
	}
	rows = layout.DropColumns(layout.DropColumns(rows, ""), "-")
	widths := layout.MeasureCells(rows)
	if layout.SumWidths(widths) <= t.width {
		return layout.FormatColumns(rows)
	}
	fit := len(widths)
	for fit > 1 && layout.SumWidths(widths[:fit]) > t.width {
		fit--
	}
	var upper [][]string
	var below []string
	for i, row := range rows {
		upper = append(upper, row[:fit])
		if i == 0 {
			continue
		}
		var rest []string
		for j, cell := range row[fit:] {
			if cell != "" && cell != "-" {
				rest = append(rest, strings.ToLower(rows[0][fit+j])+" "+cell)
			}
		}
		below = append(below, joinNames(rest))
	}
	return layout.FormatStack(upper, below, t.width)
}

func shortOrNone(id string) string {
	if id == "" {
		return "-"
	}
	return shortID(id)
}

func evidenceAge(days int) string {
	if days < 0 {
		return "-"
	}
	return fmt.Sprintf("%dd", days)
}

func evidenceDay(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateOnly)
}

// describeRecord says in one line how far the history vouches for itself.
func describeRecord(h evidence.History) string {
	text := "history: " + settings.FormatCount(h.Lines, "line", "lines")
	switch {
	case h.Broken != "":
		return text + ", and " + h.Misfit()
	case h.Head == "":
		return text + ", none with a hash"
	}
	return text + ", each hash fits; whether AWS has the same hashes: keyd report --verify"
}
