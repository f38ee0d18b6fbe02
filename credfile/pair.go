package credfile

import (
	"bytes"
	"cmp"
	"strings"
	"unicode/utf8"
)

// pair is the static credential of one section: the lines of its two halves, and
// the reason why keyd cannot read or edit them, if there is one.
type pair struct {
	id, secret *Property
	token      *Property // a session token that is not empty
	flaw       *Refusal  // why readers disagree on the pair; nil if they agree
}

// hasAny reports whether the section holds at least a part of a static credential.
func (p pair) hasAny() bool { return p.id != nil || p.secret != nil || p.flaw != nil }

// isWhole reports whether both halves are present and readable.
func (p pair) isWhole() bool { return p.id != nil && p.secret != nil && p.flaw == nil }

// findPair finds the static credential of s. An empty half counts as absent.
func (f *File) findPair(s *Section) pair {
	var p pair
	for i := range s.Properties {
		q := &s.Properties[i]
		switch q.Name {
		case idName:
			f.setHalf(&p, &p.id, q)
		case secretName:
			f.setHalf(&p, &p.secret, q)
		case tokenNames[0], tokenNames[1]:
			if !q.Value.Empty() {
				p.token = q
			}
		}
	}
	if p.hasAny() && p.flaw == nil {
		p.flaw = f.sectionFlaw(s)
	}
	if p.hasAny() {
		p.flaw = cmp.Or(f.glueFlaw(s, p.flaw != nil || p.id == nil || p.secret == nil), p.flaw)
	}
	if p.flaw == nil {
		p.flaw = f.valueFlaw(p.id, idName)
	}
	if p.flaw == nil {
		p.flaw = f.valueFlaw(p.secret, secretName)
	}
	return p
}

// setHalf puts q into half, or records why q cannot be read.
func (f *File) setHalf(p *pair, half **Property, q *Property) {
	switch {
	case p.flaw != nil:
	case q.Form == Disputed:
		p.flaw = f.newRefusal(q.Line, "write the line as `"+q.Name+" = ...`, without quotes or blanks before the name",
			"only some AWS readers take this line for %s", q.Name)
	case *half != nil:
		p.flaw = f.newRefusal(q.Line, doubledRemedy,
			"%s appears in lines %d and %d: AWS readers disagree on which one counts", q.Name, (*half).Line, q.Line)
	case !q.Raw.Empty():
		*half = q
	}
}

// sectionFlaw returns why readers disagree on which lines belong to s, or nil.
func (f *File) sectionFlaw(s *Section) *Refusal {
	switch {
	case s.DuplicateLine != 0:
		return f.newRefusal(s.Line, "put the lines of both under one header",
			"[%s] appears in lines %d and %d: AWS readers disagree on which one counts", s.Name, min(s.Line, s.DuplicateLine), max(s.Line, s.DuplicateLine))
	case strings.Contains(s.Name, "]"):
		return f.newRefusal(s.Line, "write one name between the brackets, and each header on a line of its own",
			"AWS readers disagree on where the name of the profile ends")
	case s.Form == Disputed:
		return f.newRefusal(s.Line, "write the header as [name] at the beginning of its line",
			"AWS readers disagree on whether this line begins a profile")
	}
	return nil
}

// valueFlaw refuses an empty value, and a value with a byte that some reader
// takes for a quote, a comment, a blank or an escape.
func (f *File) valueFlaw(p *Property, name string) *Refusal {
	if p == nil {
		return nil
	}
	for _, c := range f.Data[p.Value.Start:p.Value.End] {
		if !isLetter(c) && !isDigit(c) && (c <= ' ' || c >= 0x7f || strings.IndexByte("#;\"'`\\", c) >= 0) {
			mark, remedy := describeMark(c)
			return f.newRefusal(p.Line, remedy, "the value of %s holds %s: AWS readers disagree on it", name, mark)
		}
	}
	if p.Value.Empty() {
		return f.newRefusal(p.Line, "write the value, or remove the line", "the value of %s is a pair of quotes", name)
	}
	return nil
}

// shapeFlaw returns why no AWS tool can sign with a whole pair that holds the id of a
// long-term key, or nil. k is the key of p. Whether a secret of the right form is the right
// one, only AWS can say.
func (f *File) shapeFlaw(p pair, k Key) *Refusal {
	id, secret := k.ID, k.Secret.Reveal()
	switch {
	case !isLongTermID(id) && indexLongTermID(secret) >= 0:
		return f.newRefusal(p.id.Line, "exchange the two values", "id and secret are the wrong way round")
	case indexLongTermID(id) < 0:
		return nil
	case !isLongTermID(id):
		return f.newRefusal(p.id.Line, "write AKIA and the characters that follow it in the console, without anything else", "the value of %s is not the id of a key, though it holds one or a part of one", idName)
	case !hasSecretShape(secret):
		return f.newRefusal(p.secret.Line, "write nothing but the secret after the '='", "the value of %s does not have the form of a secret", secretName)
	}
	return nil
}

// secondReaderFlaw returns why the second reader does not find a whole pair where the lexer
// does, or nil. An edit of the section would be refused for that. Only a section with marks
// that the second reader takes for more than text can differ.
func (f *File) secondReaderFlaw(s *Section, p pair) *Refusal {
	body := f.Data[s.Body.Start:s.Body.End]
	if readAlike(body) {
		return nil
	}
	values, err := iniSection(body)
	if err != nil {
		return f.cannotRead(s)
	}
	return cmp.Or(f.crossCheck(values, p.id), f.crossCheck(values, p.secret))
}

// isSecondReaderMark says which characters can be more than text to the second reader.
var isSecondReaderMark = [256]bool{'`': true, '"': true, '\\': true, '[': true, '%': true, '#': true, ';': true, '\r': true, '\v': true, '\f': true}

// readAlike reports whether the second reader surely sees the lines as the lexer does: all
// that are no comments hold nothing but text to it. It reads no line of a comment.
// Source: ini.v1, parser.go, parse.
func readAlike(body []byte) bool {
	for line := range bytes.Lines(body) {
		if line[0] == '#' || line[0] == ';' {
			continue
		}
		for _, c := range line {
			if isSecondReaderMark[c] {
				return false
			}
		}
	}
	return utf8.Valid(body)
}

// pairKey returns the key that a whole pair holds.
func (f *File) pairKey(p pair) Key {
	return Key{ID: f.Text(p.id.Value), Secret: NewSecret(f.Text(p.secret.Value))}
}
