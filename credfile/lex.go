package credfile

import "bytes"

// Lex finds the sections and properties of data by the cross-SDK rules and, in
// the same pass, what the more lenient readers make of it. It never fails and
// does not copy data, which must not be changed afterwards.
// Source: the profile file specification of the AWS SDKs, as told by the
// smithy-rs profile-parser tests.
func Lex(path string, kind Kind, data []byte) *File {
	l := lexer{File: &File{Path: path, Kind: kind, Data: data}, open: -1, last: -1}
	l.Sections = make([]Section, 0, bytes.Count(data, []byte("\n["))+1)
	l.encoding()
	for pos := l.start; pos < len(data); {
		end, next := len(data), len(data)
		if n := bytes.IndexByte(data[pos:], '\n'); n >= 0 {
			end, next = pos+n, pos+n+1
		}
		if end > pos && data[end-1] == '\r' {
			end--
		}
		l.line++
		l.begin, l.next = pos, next
		l.lexLine(Span{pos, end})
		pos = next
	}
	l.closeSection(len(data), l.line)
	l.duplicates()
	l.sortProblems()
	return l.File
}

type lexer struct {
	*File
	start       int // of the first line, behind a byte order mark
	line        int
	begin, next int // of this line and of the one after it
	open        int // the property that the cross-SDK rules would continue, or -1
	last        int // the property that lenient readers saw last, or -1
}

func (l *lexer) lexLine(line Span) {
	t := l.trim(line)
	if t.Empty() {
		return
	}
	if bytes.IndexByte(l.Data[t.Start:t.End], '\r') >= 0 {
		l.minor(l.line, "a carriage return stands inside the line: some readers end it there",
			"save the file with LF or CRLF line endings")
	}
	c := l.Data[t.Start]
	switch {
	case t.Start > line.Start:
		l.indented(t)
	case c == '#' || c == ';':
	case c == '[':
		l.header(t, Plain)
	default:
		l.property(t)
	}
}

// property lexes a line that begins in column 0.
func (l *lexer) property(t Span) {
	eq := bytes.IndexByte(l.Data[t.Start:t.End], '=')
	switch {
	case len(l.Sections) == 0:
		l.fatal(l.line, "expected a profile definition, found a line that belongs to no profile",
			"put the line under a [profile] header, or remove it")
	case eq < 0:
		l.fatal(l.line, "expected an '=' sign defining a property", "write name = value, or remove the line")
		l.colon(t)
	case l.trim(Span{t.Start, t.Start + eq}).Empty():
		l.fatal(l.line, "property did not have a name", "write name = value, or remove the line")
	default:
		l.add(t, t.Start+eq, Plain)
		l.open = len(l.section().Properties) - 1
		l.last = l.open
	}
}

// colon notes a key that is set by "name : value", which only some readers take.
func (l *lexer) colon(t Span) {
	at := bytes.IndexByte(l.Data[t.Start:t.End], ':')
	if at < 0 {
		return
	}
	if name := keyName(lower(l.Data, l.trim(Span{t.Start, t.Start + at}))); name != "" {
		l.addProperty(name, t, t.Start+at, Disputed)
	}
}

// add appends the property of a line whose first '=' stands at eq.
func (l *lexer) add(t Span, eq int, form Form) {
	name := lower(l.Data, l.trim(Span{t.Start, eq}))
	key := keyName(name)
	switch {
	case key != "" && key != name:
		name, form = key, Disputed
	case form == Plain && !validName(name):
		form = Ignored
	}
	l.addProperty(name, t, eq, form)
	if form == Loose {
		l.last = len(l.section().Properties) - 1
	}
}

func (l *lexer) addProperty(name string, t Span, eq int, form Form) {
	raw := l.value(Span{eq + 1, t.End})
	s := l.section()
	if s.Properties == nil {
		s.Properties = make([]Property, 0, 4) // id, secret, and a little more
	}
	s.Properties = append(s.Properties, Property{
		Name: name, Line: l.line, Form: form,
		Raw: raw, Value: l.unquote(raw), Rest: Span{raw.Start, t.End},
	})
}

// header lexes a section header. A comment begins at the first '#' or ';', with
// or without a blank before it.
func (l *lexer) header(t Span, form Form) {
	head := t
	if n := bytes.IndexAny(l.Data[t.Start:t.End], "#;"); n >= 0 {
		head = l.trim(Span{t.Start, t.Start + n})
	}
	name := Span{t.Start + 1, head.End - 1}
	if l.Data[head.End-1] != ']' {
		l.fatal(l.line, "profile definition must end with ']'", "end the header with ']', with nothing but a comment behind it")
		form = max(form, Loose)
		name = Span{t.Start + 1, t.End}
		if n := bytes.IndexByte(l.Data[t.Start:t.End], ']'); n > 0 {
			name.End = t.Start + n
		} else {
			form = Disputed
		}
	} else {
		l.headerQuirks(t, head, name)
	}
	l.closeSection(l.begin, l.line-1)
	if l.trim(name).Empty() {
		l.wide(l.line, "the header names no profile: the AWS CLI refuses the whole file", "write a name between the brackets, or remove the line")
	}
	s := Section{Name: l.Text(l.trim(name)), Line: l.line, Form: form, Body: Span{l.next, l.next}}
	if form == Plain && !known(l.Kind, s.Name) {
		s.Form = Ignored
	}
	l.Sections = append(l.Sections, s)
	l.open, l.last = -1, -1
}

// headerQuirks notes what hides a well-formed header from single readers.
func (l *lexer) headerQuirks(t, head, name Span) {
	if l.trim(name) != name {
		l.minor(l.line, "the AWS CLI and the JavaScript SDK take the blanks inside the brackets for a part of the name and do not find the profile",
			"remove the blanks inside the brackets")
	}
	if head == t {
		return
	}
	if bytes.IndexByte(l.Data[head.End:t.End], ']') >= 0 {
		l.minor(l.line, "the AWS CLI takes the comment up to its last ']' for a part of the profile's name", "remove the bracket from the comment")
	}
	if !blank(l.Data[head.End]) {
		l.minor(l.line, "the JavaScript SDK does not see a header with a comment right behind it", "put a blank before the comment")
	}
}

func (l *lexer) section() *Section { return &l.Sections[len(l.Sections)-1] }

func (l *lexer) closeSection(end, line int) {
	if len(l.Sections) > 0 {
		l.section().Body.End, l.section().Last = end, line
	}
}

// indented lexes a line that begins with a blank. The cross-SDK rules know only
// continuations there, comments and headers included.
func (l *lexer) indented(t Span) {
	l.continuation(t)
	switch c := l.Data[t.Start]; {
	case c == '#' || c == ';':
	case c == '[' && bytes.IndexByte(l.Data[t.Start:t.End], ']') > 0:
		form := Loose
		if l.last >= 0 {
			form = Disputed
			l.wide(l.line, "an indented header: the AWS CLI takes it for a part of the value above, others for a profile",
				"remove the blanks before the header, or the line")
		}
		l.header(t, form)
	case len(l.Sections) == 0:
	case l.nested():
		l.nestedLine(t)
	default:
		if eq := bytes.IndexByte(l.Data[t.Start:t.End], '='); eq > 0 {
			l.add(t, t.Start+eq, Loose)
		} else {
			l.colon(t)
		}
	}
}

// continuation is what the cross-SDK rules make of an indented line.
func (l *lexer) continuation(t Span) {
	switch {
	case len(l.Sections) == 0:
		l.fatal(l.line, "expected a profile definition, found an indented line",
			"put the line under a [profile] header, or remove it")
	case l.open < 0:
		l.fatal(l.line, "expected a property definition, found continuation", "remove the blanks before the line")
	default:
		p := &l.section().Properties[l.open]
		p.More = append(p.More, t)
		if p.Raw.Empty() {
			l.subProperty(t)
		}
	}
}

func (l *lexer) subProperty(t Span) {
	eq := bytes.IndexByte(l.Data[t.Start:t.End], '=')
	switch {
	case eq < 0:
		l.fatal(l.line, "expected an '=' sign defining a sub-property", "write name = value, or remove the line")
	case l.trim(Span{t.Start, t.Start + eq}).Empty():
		l.fatal(l.line, "sub-property did not have a name", "write name = value, or remove the line")
	}
}

// nested reports whether indented lines belong to a nested block: the last
// property has no value of its own.
func (l *lexer) nested() bool {
	return l.last >= 0 && l.section().Properties[l.last].Raw.Empty()
}

// nestedLine lexes a line of a nested block. One that stands no deeper than the
// name of its block is a property of its own to the AWS CLI only.
func (l *lexer) nestedLine(t Span) {
	p := &l.section().Properties[l.last]
	if p.Form == Plain || p.Form == Ignored {
		return // noted as a continuation
	}
	p.More = append(p.More, t)
	if t.Start-l.begin > l.indent(p.Raw.Start) {
		return
	}
	if eq := bytes.IndexByte(l.Data[t.Start:t.End], '='); eq > 0 {
		if name := lower(l.Data, l.trim(Span{t.Start, t.Start + eq})); keyName(name) != "" {
			l.addProperty(keyName(name), t, t.Start+eq, Disputed)
		}
	}
}

// indent returns the number of blanks that begin the line that holds pos.
func (l *lexer) indent(pos int) int {
	start := bytes.LastIndexByte(l.Data[:pos], '\n') + 1
	n := start
	for n < pos && blank(l.Data[n]) {
		n++
	}
	return n - start
}
