package credfile

import "strings"

// pair is the static credential of one section: where its two halves stand, and
// what keeps keyd from reading or editing them.
type pair struct {
	id, secret *Property
	token      *Property // a session token that is not empty
	flaw       *Refusal  // readers disagree on what the pair is
}

// any reports whether the section holds a part of a static credential.
func (p pair) any() bool { return p.id != nil || p.secret != nil || p.flaw != nil }

// whole reports whether both halves are there and readable.
func (p pair) whole() bool { return p.id != nil && p.secret != nil && p.flaw == nil }

// pair finds the static credential of s. An empty half is an absent one.
func (f *File) pair(s *Section) pair {
	var p pair
	for i := range s.Properties {
		q := &s.Properties[i]
		switch q.Name {
		case idName:
			f.take(&p, &p.id, q)
		case secretName:
			f.take(&p, &p.secret, q)
		case tokenNames[0], tokenNames[1]:
			if !q.Value.Empty() {
				p.token = q
			}
		}
	}
	if p.any() && p.flaw == nil {
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

// take puts q into half, or says why it cannot be read.
func (f *File) take(p *pair, half **Property, q *Property) {
	switch {
	case p.flaw != nil:
	case q.Form == Disputed:
		p.flaw = f.refusal(q.Line, "write the line as `"+q.Name+" = ...`, without quotes or blanks before the name",
			"only some AWS readers take this line for %s", q.Name)
	case *half != nil:
		p.flaw = f.refusal(q.Line, "remove the line that does not count",
			"%s stands in lines %d and %d: AWS readers disagree on which one counts", q.Name, (*half).Line, q.Line)
	case !q.Raw.Empty():
		*half = q
	}
}

func (f *File) sectionFlaw(s *Section) *Refusal {
	switch {
	case s.Twin != 0:
		return f.refusal(s.Line, "put the lines of both under one header",
			"[%s] stands in lines %d and %d: AWS readers disagree on which one counts", s.Name, min(s.Line, s.Twin), max(s.Line, s.Twin))
	case s.Form == Disputed:
		return f.refusal(s.Line, "write the header as [name] at the beginning of its line",
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
			return f.refusal(p.Line, "leave nothing but the value behind the '=', and a blank before a comment",
				"the value of %s holds a character that AWS readers disagree on", name)
		}
	}
	if p.Value.Empty() {
		return f.refusal(p.Line, "write the value, or remove the line", "the value of %s is a pair of quotes", name)
	}
	return nil
}

// key returns the pair itself.
func (f *File) key(p pair) Key {
	return Key{ID: f.Text(p.id.Value), Secret: NewSecret(f.Text(p.secret.Value))}
}
