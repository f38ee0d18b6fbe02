package layout

import (
	"slices"
	"strings"
)

// MeasureCells returns the width of each column, which is that of its longest cell.
func MeasureCells(rows [][]string) (widths []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], CountColumns(cell))
		}
	}
	return widths
}

// SumWidths returns how wide a row of such columns is, with two blanks between them.
func SumWidths(widths []int) (sum int) {
	for _, width := range widths {
		sum += width + 2
	}
	return sum - 2
}

// DropColumns leaves out the columns in which every cell below the heading equals nothing.
func DropColumns(rows [][]string, nothing string) (kept [][]string) {
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

// FormatColumns lays out rows of cells, each column as wide as its longest cell.
func FormatColumns(rows [][]string) string {
	var b strings.Builder
	widths := MeasureCells(rows)
	for _, row := range rows {
		b.WriteString(formatCells(row, widths) + "\n")
	}
	return b.String()
}

// FormatStack lays out rows as FormatColumns does, and writes the text of each row below it,
// broken to this width, unless the text is "". The first row is the heading and has none.
func FormatStack(rows [][]string, below []string, width int) string {
	var b strings.Builder
	widths := MeasureCells(rows)
	for i, row := range rows {
		b.WriteString(formatCells(row, widths) + "\n")
		if i > 0 && below[i-1] != "" {
			lead := strings.Repeat(" ", Hanging)
			b.WriteString(Fill(lead, Escape(below[i-1]), Hanging, width) + "\n")
		}
	}
	return b.String()
}

// formatCells lays out one row for columns of these widths. No blank ends the line.
func formatCells(row []string, widths []int) string {
	var line strings.Builder
	for i, cell := range row {
		line.WriteString(padRight(cell, widths[i]) + "  ")
	}
	return strings.TrimRight(line.String(), " ")
}
