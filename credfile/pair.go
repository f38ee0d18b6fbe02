package credfile

import "strings"

// pair is the static credential of one section: where its two halves stand, and
// what keeps keyd from reading or editing them.
type pair struct {
	id, secret *Property
	token      *Property // a session token that is not empty
	flaw       *Refusal  // readers disagree on what the pair is
}

// hasAny reports whether the section holds a part of a static credential.
func (p pair) hasAny() bool { return p.id != nil || p.secret != nil || p.flaw != nil }

// isWhole reports whether both halves are there and readable.
func (p pair) isWhole() bool { return p.id != nil && p.secret != nil && p.flaw == nil }

// findPair finds the static credential of s. An empty half is an absent one.
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
	if p.flaw == nil {
		p.flaw = f.valueFlaw(p.id, idName)
	}
	if p.flaw == nil {
		p.flaw = f.valueFlaw(p.secret, secretName)
	}
	return p
}

// setHalf puts q into half, or says why it cannot be read.
func (f *File) setHalf(p *pair, half **Property, q *Property) {
	switch {
	case p.flaw != nil:
	case q.Form == Disputed:
		p.flaw = f.newRefusal(q.Line, "write the line as `"+q.Name+" = ...`, without quotes or blanks before the name",
			"only some AWS readers take this line for %s", q.Name)
	case *half != nil:
		p.flaw = f.newRefusal(q.Line, "remove the line that does not count",
			"%s stands in lines %d and %d: AWS readers disagree on which one counts", q.Name, (*half).Line, q.Line)
	case !q.Raw.Empty():
		*half = q
	}
}

func (f *File) sectionFlaw(s *Section) *Refusal {
	switch {
	case s.DuplicateLine != 0:
		return f.newRefusal(s.Line, "put the lines of both under one header",
			"[%s] stands in lines %d and %d: AWS readers disagree on which one counts", s.Name, min(s.Line, s.DuplicateLine), max(s.Line, s.DuplicateLine))
	case s.Form == Disputed:
		return f.newRefusal(s.Line, "write the header as [name] at the beginning of its line",
			"AWS readers disagree on whether this line begins a profile")
	}
	return nil
}

// valueFlaw refuses a value with a byte that some reader takes for a quote, a
// comment, a blank or an escape.
func (f *File) valueFlaw(p *Property, name string) *Refusal {
	if p == nil {
		return nil
	}
	for _, c := range f.Data[p.Value.Start:p.Value.End] {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("#;\"'`\\", c) >= 0 {
			return f.newRefusal(p.Line, "leave nothing but the value behind the '=', and a blank before a comment",
				"the value of %s holds a character that AWS readers disagree on", name)
		}
	}
	if p.Value.Empty() {
		return f.newRefusal(p.Line, "write the value, or remove the line", "the value of %s is a pair of quotes", name)
	}
	return nil
}

// pairKey returns the pair itself.
func (f *File) pairKey(p pair) Key {
	return Key{ID: f.Text(p.id.Value), Secret: NewSecret(f.Text(p.secret.Value))}
}
