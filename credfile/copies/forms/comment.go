package forms

import (
	"bytes"
	"slices"
)

// isComment reports whether the character at i stands in a comment: in a line that begins
// with #, ;, // or REM, or between the marks of an XML comment. What follows a value on its
// line is no comment here, because the formats disagree about that.
func (l *layer) isComment(i int) bool {
	n := lineAt(l.lines, i)
	start, end := 0, len(l.view.text)
	if n > 1 {
		start = l.lines[n-2] + 1
	}
	if n-1 < len(l.lines) {
		end = l.lines[n-1]
	}
	line := l.view.text[start:min(end, start+256)]
	trimmed := bytes.TrimLeft(line, " \t")
	begins := start + len(line) - len(trimmed)
	for _, mark := range []string{"#", ";", "//", "REM ", "rem ", "Rem "} {
		if begins < i && bytes.HasPrefix(trimmed, []byte(mark)) { // a secret itself may begin with //
			return true
		}
	}
	at, inside := slices.BinarySearchFunc(l.notes, i, func(note [2]int, i int) int { return note[0] - i })
	return inside || at > 0 && i < l.notes[at-1][1]
}

// xmlComments returns the ranges of the XML comments of a text.
func xmlComments(text []byte) [][2]int {
	var all [][2]int
	for from := 0; ; {
		start := bytes.Index(text[from:], []byte("<!--"))
		if start < 0 {
			return all
		}
		start += from
		length := bytes.Index(text[start:], []byte("-->"))
		if length < 0 {
			return all
		}
		from = start + length
		all = append(all, [2]int{start, from})
	}
}
