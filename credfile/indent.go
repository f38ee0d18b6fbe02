package credfile

import "bytes"

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
