package credfile

import (
	"bytes"
	"slices"
	"unicode"
)

// Lex finds the sections and properties of data by the cross-SDK rules. In the
// same pass it notes what the more lenient readers understand. It never fails. It
// does not copy data: the caller must not change data afterwards.
// Source: the profile file specification of the AWS SDKs, as given by the
// smithy-rs profile-parser tests.
func Lex(path string, kind Kind, data []byte) *File {
	l := lexer{File: &File{Path: path, Kind: kind, Data: data, plain: true}, open: -1, last: -1}
	l.Sections = make([]Section, 0, countHeaders(data)+1)
	l.returns = bytes.IndexByte(data, '\r') >= 0
	l.checkEncoding()
	l.separable = len(l.Problems) == 0
	for pos := l.start; pos < len(data); {
		end, next := len(data), len(data)
		if n := bytes.IndexByte(data[pos:], '\n'); n >= 0 {
			end, next = pos+n, pos+n+1
		}
		plain := true
		if end > pos && data[end-1] == '\r' {
			end--
			plain = end+1 < next // without a line end, some take a last carriage return for more
		}
		l.line++
		l.begin, l.next = pos, next
		l.lexLine(Span{pos, end})
		if !plain || !isPlainLine(data[pos:end]) {
			l.markLine()
		}
		pos = next
	}
	l.closeSection(len(data), l.line)
	l.findDuplicates()
	l.sortProblems()
	l.findPlain()
	return l.File
}

// markLine notes that the line is not plain.
func (l *lexer) markLine() {
	if len(l.Sections) == 0 {
		l.plain = false
	} else {
		l.lastSection().plain = false
	}
}

// strayReturn is the text of a Problem.
const strayReturn = "there is a carriage return inside the line: some readers end the line there"

// lexer is the state of Lex between two lines.
type lexer struct {
	*File
	start       int  // of the first line, after a byte order mark
	returns     bool // there is a carriage return
	line        int
	begin, next int        // offsets of this line and of the next one
	open        int        // index of the property that the cross-SDK rules would continue, or -1
	last        int        // index of the property that lenient readers saw last, or -1
	free        []Property // room for the properties of the next sections
}

// lexLine lexes one line without its line ending.
func (l *lexer) lexLine(line Span) {
	t := l.trimBlanks(line)
	if t.Empty() {
		return
	}
	if l.returns && bytes.IndexByte(l.Data[t.Start:t.End], '\r') >= 0 {
		l.addMinor(l.line, strayReturn, "save the file with LF or CRLF line endings")
	}
	c := l.Data[t.Start]
	switch {
	case t.Start > line.Start:
		l.lexIndented(t)
	case c == '#' || c == ';':
	case c == '[':
		l.lexHeader(t, Plain)
	default:
		l.lexProperty(t)
	}
}

// lexProperty lexes a property line that begins in the first column.
func (l *lexer) lexProperty(t Span) {
	eq := bytes.IndexByte(l.Data[t.Start:t.End], '=')
	switch {
	case l.hidesHeader(t):
		l.addFatal(l.line, "there is a character before the '[' that is hard to see: only some readers take the line for a header",
			"delete what is before the '['")
	case len(l.Sections) == 0:
		l.addFatal(l.line, "expected a profile definition, found a line that belongs to no profile",
			"put the line under a [profile] header, or remove it")
	case eq < 0:
		l.addFatal(l.line, "expected an '=' sign defining a property", "write name = value, or remove the line")
		l.lexColon(t)
	case l.trimBlanks(Span{t.Start, t.Start + eq}).Empty():
		l.addFatal(l.line, "property did not have a name", "write name = value, or remove the line")
	default:
		l.addNamed(t, t.Start+eq, Plain)
		l.open = len(l.lastSection().Properties) - 1
		l.last = l.open
	}
}

// hidesHeader reports whether t is a header after blanks of Unicode, control characters or a
// byte order mark. No cross-SDK rule knows those as blanks.
func (l *lexer) hidesHeader(t Span) bool {
	if isLetter(l.Data[t.Start]) {
		return false
	}
	text := bytes.TrimLeftFunc(l.Data[t.Start:t.End], func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
	return len(text) > 0 && text[0] == '[' && bytes.IndexByte(text, ']') > 0
}

// lexColon adds a credential property that is set by "name : value", which only
// some readers accept.
func (l *lexer) lexColon(t Span) {
	at := bytes.IndexByte(l.Data[t.Start:t.End], ':')
	if at < 0 {
		return
	}
	if name := credentialName(lowerText(l.Data, l.trimBlanks(Span{t.Start, t.Start + at}))); name != "" {
		l.addProperty(name, t, t.Start+at, Disputed)
	}
}

// addNamed appends the property of a line whose first '=' is at offset eq.
func (l *lexer) addNamed(t Span, eq int, form Form) {
	name := lowerText(l.Data, l.trimBlanks(Span{t.Start, eq}))
	key := credentialName(name)
	switch {
	case key != "" && key != name:
		name, form = key, Disputed
	case form == Plain && key == "" && !isPlainName(name):
		form = Ignored
	}
	l.addProperty(name, t, eq, form)
	if form == Loose {
		l.last = len(l.lastSection().Properties) - 1
	}
}

// addProperty appends a property with this name to the last section. eq is the
// offset of the '=' or ':' in front of the value.
func (l *lexer) addProperty(name string, t Span, eq int, form Form) {
	raw := l.cutComment(Span{eq + 1, t.End})
	s := l.lastSection()
	if n := len(s.Properties); n == cap(s.Properties) {
		s.Properties = append(l.makeRoom(2*n+1), s.Properties...)
	}
	s.Properties = append(s.Properties, Property{
		Name: name, Line: l.line, Form: form,
		Raw: raw, Value: l.unquote(raw), Rest: Span{raw.Start, t.End},
	})
}

// lastSection returns the section of the current line.
func (l *lexer) lastSection() *Section { return &l.Sections[len(l.Sections)-1] }

// closeSection ends the last section, if there is one, at offset end and at line.
func (l *lexer) closeSection(end, line int) {
	if len(l.Sections) == 0 {
		return
	}
	s := l.lastSection()
	s.Body.End, s.Last = end, line
	if s.Properties != nil {
		l.free, s.Properties = s.Properties[len(s.Properties):], slices.Clip(s.Properties)
	}
}

// lexIndented lexes a line that begins with a blank. To the cross-SDK rules every
// such line is a continuation, even a comment or a header.
func (l *lexer) lexIndented(t Span) {
	l.lexContinuation(t)
	switch c := l.Data[t.Start]; {
	case c == '#' || c == ';':
	case c == '[' && bytes.IndexByte(l.Data[t.Start:t.End], ']') > 0:
		form := Loose
		if l.last >= 0 {
			form = Disputed
			l.addWide(l.line, "an indented header: the AWS CLI takes it for part of the value above, other readers take it for a profile",
				"remove the blanks before the header, or the line")
		}
		l.lexHeader(t, form)
	case len(l.Sections) == 0:
	case l.inNestedBlock():
		l.lexNestedLine(t)
	default:
		if eq := bytes.IndexByte(l.Data[t.Start:t.End], '='); eq > 0 {
			l.addNamed(t, t.Start+eq, Loose)
		} else {
			l.lexColon(t)
		}
	}
}

// lexContinuation applies the cross-SDK rules to an indented line.
func (l *lexer) lexContinuation(t Span) {
	switch {
	case len(l.Sections) == 0:
		l.addFatal(l.line, "expected a profile definition, found an indented line",
			"put the line under a [profile] header, or remove it")
	case l.open < 0:
		l.addFatal(l.line, "expected a property definition, found continuation", "remove the blanks before the line")
	default:
		p := &l.lastSection().Properties[l.open]
		p.More = append(p.More, t)
		if p.Raw.Empty() {
			l.checkSubProperty(t)
		}
	}
}

// checkSubProperty notes why the cross-SDK rules refuse a line of a nested block.
func (l *lexer) checkSubProperty(t Span) {
	eq := bytes.IndexByte(l.Data[t.Start:t.End], '=')
	switch {
	case eq < 0:
		l.addFatal(l.line, "expected an '=' sign defining a sub-property", "write name = value, or remove the line")
	case l.trimBlanks(Span{t.Start, t.Start + eq}).Empty():
		l.addFatal(l.line, "sub-property did not have a name", "write name = value, or remove the line")
	}
}

// inNestedBlock reports whether an indented line belongs to a nested block: the
// last property has an empty value.
func (l *lexer) inNestedBlock() bool {
	return l.last >= 0 && l.lastSection().Properties[l.last].Raw.Empty()
}

// lexNestedLine lexes a line of a nested block. If the line is indented no deeper
// than the name of its block, only the AWS CLI takes it for a property.
func (l *lexer) lexNestedLine(t Span) {
	p := &l.lastSection().Properties[l.last]
	if p.Form == Plain || p.Form == Ignored {
		return // lexContinuation has added the line
	}
	p.More = append(p.More, t)
	if t.Start-l.begin > l.indentAt(p.Raw.Start) {
		return
	}
	if eq := bytes.IndexByte(l.Data[t.Start:t.End], '='); eq > 0 {
		if name := lowerText(l.Data, l.trimBlanks(Span{t.Start, t.Start + eq})); credentialName(name) != "" {
			l.addProperty(credentialName(name), t, t.Start+eq, Disputed)
		}
	}
}

// indentAt returns the number of blanks at the beginning of the line that holds pos.
func (l *lexer) indentAt(pos int) int {
	start := bytes.LastIndexByte(l.Data[:pos], '\n') + 1
	n := start
	for n < pos && isBlank(l.Data[n]) {
		n++
	}
	return n - start
}
