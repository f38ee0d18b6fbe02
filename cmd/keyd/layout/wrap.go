package layout

import "strings"

// Wrap breaks a text between words so that no line is wider than width, unless a single
// word is: a path, an ARN, or a command, which has to be pasted in one piece. A width of 0
// breaks nothing.
func Wrap(text string, width int) []string { return wrapHanging(text, width, 0) }

// wrapHanging is Wrap for a text whose lines after the first are indented, by the caller.
func wrapHanging(text string, width, indent int) []string {
	if width <= 0 || CountColumns(text) <= width {
		return []string{text}
	}
	var lines []string
	line, used, limit := "", 0, width
	for _, word := range splitWords(text) {
		columns := CountColumns(StripColours(word))
		switch {
		case line == "":
			line, used = word, columns
		case used+1+columns > limit:
			lines = append(lines, line)
			line, used, limit = word, columns, max(width-indent, 1)
		default:
			line, used = line+" "+word, used+1+columns
		}
	}
	return append(lines, line)
}

// Hanging is by how many columns the lines of a paragraph after the first are indented.
const Hanging = 4

// Fill returns text behind lead, broken between words so that no line is wider than
// width; the lines after the first are indented by indent. A command stays in one piece, since
// it is there to be pasted: a line with a long one is wider. A width of 0 breaks nothing.
func Fill(lead, text string, indent, width int) string {
	if width <= 0 {
		return lead + text
	}
	first := max(width-CountColumns(lead), 1)
	lines := wrapHanging(text, first, indent-CountColumns(lead))
	return lead + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}
