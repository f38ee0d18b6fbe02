package main

import (
	"slices"
	"strings"
)

// measureCells returns the width of each column, which is that of its longest cell.
func measureCells(rows [][]string) (widths []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], countColumns(cell))
		}
	}
	return widths
}

// sumWidths returns how wide a row of such columns is, with two blanks between them.
func sumWidths(widths []int) (sum int) {
	for _, width := range widths {
		sum += width + 2
	}
	return sum - 2
}

// dropColumns leaves out the columns in which every cell below the heading equals nothing.
func dropColumns(rows [][]string, nothing string) (kept [][]string) {
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != nothing }) {
				cells = append(cells, cell)
			}
		}
		kept = append(kept, cells)
	}
	return kept
}

// formatColumns lays out rows of cells, each column as wide as its longest cell.
func formatColumns(rows [][]string) string {
	var b strings.Builder
	widths := measureCells(rows)
	for _, row := range rows {
		b.WriteString(formatCells(row, widths) + "\n")
	}
	return b.String()
}

// formatStack lays out rows as formatColumns does, and writes the text of each row below it,
// unless the text is "". The first row is the heading and has none.
func (t *terminal) formatStack(rows [][]string, below []string) string {
	var b strings.Builder
	widths := measureCells(rows)
	for i, row := range rows {
		b.WriteString(formatCells(row, widths) + "\n")
		if i > 0 && below[i-1] != "" {
			lead := strings.Repeat(" ", hanging)
			b.WriteString(fillLines(lead, escape(below[i-1]), hanging, t.width) + "\n")
		}
	}
	return b.String()
}

func formatCells(row []string, widths []int) string {
	var line strings.Builder
	for i, cell := range row {
		line.WriteString(padRight(cell, widths[i]) + "  ")
	}
	return strings.TrimRight(line.String(), " ")
}
