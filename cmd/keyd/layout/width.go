package layout

import (
	"strings"

	"github.com/rivo/uniseg"
)

// CountColumns returns how many columns a terminal needs for a text without colours: two for
// most letters of Chinese, Japanese and Korean and for emoji, none for combining marks. The
// text must have gone through Escape, or hold nothing that Escape changes.
func CountColumns(text string) int {
	if IsASCII(text) {
		return len(text)
	}
	return uniseg.StringWidth(text)
}

// IsASCII reports whether each byte is one column wide. It is the usual case, and much
// faster.
func IsASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 || text[i] < 0x20 {
			return false
		}
	}
	return true
}

// padRight adds blanks to a text until it is width columns wide. A wider text stays as it is.
func padRight(text string, width int) string {
	return text + strings.Repeat(" ", max(width-CountColumns(text), 0))
}

// ellipsis stands for what was cut out of a text. It is one column wide.
const ellipsis = "…"

// CutMiddle shortens a text to width columns by an ellipsis in its middle: names that were
// made by one pattern differ at their ends. It cuts between characters as people see them.
func CutMiddle(text string, width int) string {
	if CountColumns(text) <= width {
		return text
	}
	parts := splitClusters(text)
	left := max(width-1, 0) // columns for what stays
	head, tail := "", ""
	for begin, end, used := 0, len(parts), 0; begin < end; {
		next, isHead := parts[end-1], CountColumns(head) <= CountColumns(tail)
		if isHead {
			next = parts[begin]
		}
		if used += CountColumns(next); used > left {
			break
		}
		if isHead {
			head, begin = head+next, begin+1
		} else {
			tail, end = next+tail, end-1
		}
	}
	return head + ellipsis + tail
}

// CutEnd shortens a text to width columns and ends it with an ellipsis if it was longer.
func CutEnd(text string, width int) string {
	if width < 1 || CountColumns(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for _, part := range splitClusters(text) {
		if used += CountColumns(part); used > width-1 {
			break
		}
		b.WriteString(part)
	}
	return strings.TrimRight(b.String(), " ") + ellipsis
}

// splitClusters splits a text into the characters that people see, such as a letter with its
// accents.
func splitClusters(text string) (parts []string) {
	for state := -1; text != ""; {
		var part string
		part, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		parts = append(parts, part)
	}
	return parts
}

// Cell makes one line of a text of others for a place on the screen: what a terminal would
// obey or hide is visible, so that the width is right. It does not believe colours.
func Cell(text string) string { return Escape(cellMarks.Replace(text)) }

// cellMarks is ready when it is first used, and for all cells then.
var cellMarks = strings.NewReplacer("\x1b", `\u001b`, "\t", `\u0009`, "\n", " ")
