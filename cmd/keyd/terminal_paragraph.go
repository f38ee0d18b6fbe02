package main

import (
	"fmt"
	"strings"

	"keyd/cmd/keyd/layout"
)

// printParagraph prints a sentence. On a screen it is broken between words, and the lines
// after the first are indented; elsewhere it is one line, for programs. Blanks at its start
// stay.
func (t *terminal) printParagraph(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	rest := strings.TrimLeft(text, " ")
	blanks := text[:len(text)-len(rest)]
	t.printBehind(blanks, rest, len(blanks)+layout.Hanging)
}

// printBehind prints text behind lead, as printParagraph does, with this indentation.
func (t *terminal) printBehind(lead, text string, indent int) {
	t.print(layout.Fill(lead, layout.Escape(t.nameCommands(text)), indent, t.width) + "\n")
}
