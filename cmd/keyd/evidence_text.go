package main

import (
	"fmt"
	"strings"
	"time"

	"keyd/daemon/evidence"
)

// evidenceText renders the report for people, in their own time.
func (t *terminal) evidenceText(r *evidence.Report) string {
	var b strings.Builder
	if len(r.Keys) == 0 {
		b.WriteString("no key is known yet\n")
	} else {
		rows := [][]string{{"KEY", "PROFILES", "STATUS", "AGE", "CREATED", "OFF", "DELETED", "PROWLER", "STEAMPIPE", "CONFIG", "ASKED BY"}}
		for _, k := range r.Keys {
			rows = append(rows, evidenceRow(k))
		}
		b.WriteString(formatColumns(rows))
	}
	if len(r.Rotations) > 0 {
		rows := [][]string{{"OLD KEY", "NEW KEY", "PROFILES", "BEGAN", "OLD KEY OFF", "AGE", "IN TIME", "ASKED BY", "REQUEST IDS"}}
		for _, o := range r.Rotations {
			rows = append(rows, []string{shortOrNone(o.OldKey), shortOrNone(o.NewKey), joinNames(o.Profiles), evidenceDay(o.Began), evidenceDay(o.Deactivated), evidenceAge(o.OldAgeDays), string(o.InTime), o.WhoAsked, fmt.Sprint(len(o.Requests))})
		}
		b.WriteString("\n" + formatColumns(rows))
	}
	var failing []string
	for _, c := range r.Controls {
		if c.Outcome == evidence.Fail {
			failing = append(failing, c.Framework+" "+c.ID)
		}
	}
	b.WriteString("\n")
	if len(failing) > 0 {
		b.WriteString(fmt.Sprintf("a key fails: %s\n", strings.Join(failing, "; ")))
	}
	b.WriteString(describeRecord(r.History) + "\n")
	b.WriteString("for an auditor: keyd report --format html; every request id: keyd report --format json\n")
	return b.String()
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
	text := fmt.Sprintf("history: %d lines", h.Lines)
	if h.Lines == 1 {
		text = "history: 1 line"
	}
	switch {
	case h.Broken != "":
		return text + ", and " + h.Broken + " does not fit what stands before it"
	case h.Head == "":
		return text + ", none with a hash"
	}
	return text + ", each hash fits; whether AWS has the same hashes: keyd report --verify"
}

// formatColumns lays out rows of cells, each column as wide as its longest cell.
func formatColumns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], countColumns(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(padRight(cell, widths[i]) + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
