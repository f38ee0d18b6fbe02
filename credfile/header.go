package credfile

import (
	"bytes"
	"strings"

	"keyd/credfile/readers"
)

// ProfileName returns the profile that text names after the word "profile" in a header
// of the config file, where quotes and backslashes have the meaning that they have in a
// shell. A text that is not one word there stands for itself, without blanks at its ends.
func ProfileName(text string) string {
	if words, ok := readers.SplitShell(text); ok && len(words) == 1 {
		return words[0]
	}
	return strings.TrimSpace(text)
}

// lexHeader lexes a section header. A comment begins at the first '#' or ';', with
// or without a blank before it. form is the least disputed form that the header
// can have.
func (l *lexer) lexHeader(t Span, form Form) {
	head := t
	if n := indexMark(l.Data[t.Start:t.End]); n >= 0 {
		head = l.trimBlanks(Span{t.Start, t.Start + n})
	}
	name := Span{t.Start + 1, head.End - 1}
	if l.Data[head.End-1] != ']' {
		l.addFatal(l.line, "profile definition must end with ']'", "end the header with ']', and write nothing but a comment after it")
		form = max(form, Loose)
		name = Span{t.Start + 1, t.End}
		if n := bytes.IndexByte(l.Data[t.Start:t.End], ']'); n > 0 {
			name.End = t.Start + n
		} else {
			form = Disputed
		}
	} else {
		l.checkHeader(t, head, name)
	}
	l.closeSection(l.begin, l.line-1)
	if l.trimBlanks(name).Empty() {
		l.addWide(l.line, "the header names no profile: the AWS CLI refuses the whole file", "write a name between the brackets, or remove the line")
	}
	s := Section{Name: l.Text(l.trimBlanks(name)), Line: l.line, Form: form, Body: Span{l.next, l.next}, plain: true}
	if form == Plain && !hasMeaning(l.Kind, s.Name) {
		s.Form = Ignored
	}
	l.Sections = append(l.Sections, s)
	l.open, l.last = -1, -1
}

// checkHeader notes what hides a well-formed header from some readers.
func (l *lexer) checkHeader(t, head, name Span) {
	if l.trimBlanks(name) != name {
		l.addMinor(l.line, "the AWS CLI and the JavaScript SDK take the blanks inside the brackets for part of the name and do not find the profile",
			"remove the blanks inside the brackets")
	}
	if head == t {
		return
	}
	if bytes.IndexByte(l.Data[head.End:t.End], ']') >= 0 {
		l.addMinor(l.line, "the AWS CLI takes the comment up to its last ']' for part of the profile's name", "remove the bracket from the comment")
	}
	if !isBlank(l.Data[head.End]) {
		l.addMinor(l.line, "the JavaScript SDK does not see a header that a comment follows without a blank", "put a blank before the comment")
	}
}
