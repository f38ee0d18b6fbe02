package main

import (
	"fmt"
	"strings"
)

// hanging is by how many columns the lines of a paragraph after the first are indented.
const hanging = 4

// fillLines returns text behind lead, broken between words so that no line is wider than
// width; the lines after the first are indented by indent. A command stays in one piece, since
// it is there to be pasted: a line with a long one is wider. A width of 0 breaks nothing.
func fillLines(lead, text string, indent, width int) string {
	if width <= 0 {
		return lead + text
	}
	first := max(width-countColumns(lead), 1)
	lines := wrapHanging(text, first, indent-countColumns(lead))
	return lead + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// printParagraph prints a sentence. On a screen it is broken between words, and the lines
// after the first are indented; elsewhere it is one line, for programs. Blanks at its start
// stay.
func (t *terminal) printParagraph(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	rest := strings.TrimLeft(text, " ")
	blanks := text[:len(text)-len(rest)]
	t.printBehind(blanks, rest, len(blanks)+hanging)
}

// printBehind prints text behind lead, as printParagraph does, with this indentation.
func (t *terminal) printBehind(lead, text string, indent int) {
	t.print(fillLines(lead, escape(t.nameCommands(text)), indent, t.width) + "\n")
}
