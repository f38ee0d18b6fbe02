package credfile

import (
	"bytes"
	"cmp"
	"slices"
)

const reportRemedy = "write the profile's lines plainly, one `name = value` each, and try again"

// verifyEdit checks the edit of a file alone that puts the new pair into the places and
// leads to data. Of a large plain file it checks what the edit concerns. What it does not
// accept that way, it checks as a whole, so that the refusal names the line.
func (c *readerCheck) verifyEdit(places []pairPlace, data []byte) *Refusal {
	f := c.file
	if len(f.Data) >= excerptSize {
		if e, ok := c.cutExcerpt(lexedFiles{}.with(f), places, data); ok && c.verifyExcerpt(e) == nil && f.verifyReadBack(places, data, c.next) == nil {
			return nil
		}
	}
	g := Lex(f.Path, f.Kind, data)
	return cmp.Or(f.verifyLexed(places, g), f.verifySecondReader(places, g), f.verifyReadBack(places, data, c.next),
		c.compare(fileTexts{}.with(f.Kind, f.Data), fileTexts{}.with(f.Kind, data)))
}

// verifyExcerpt checks what an edit of a file alone concerns.
func (c *readerCheck) verifyExcerpt(e excerpt) *Refusal {
	return cmp.Or(e.file.verifyLexed(e.places, e.edited), e.file.verifySecondReader(e.places, e.edited), c.compare(e.texts()))
}

// verifyLexed compares f with g, the lexed result of an edit. Only the values of the
// places may differ: no other line, and no name or comment in the same lines.
func (f *File) verifyLexed(places []pairPlace, g *File) *Refusal {
	moved := f.newRefusal(0, reportRemedy, "the change would alter more than the pair")
	if len(g.Sections) != len(f.Sections) || len(g.Problems) != len(f.Problems) {
		return moved
	}
	changed := map[int]bool{} // by line number
	for _, p := range places {
		changed[p.pair.id.Line], changed[p.pair.secret.Line] = true, true
	}
	if n := firstOtherDiff(f.Data, g.Data, changed); n != 0 {
		moved.Line = n
		return moved
	}
	for i := range f.Sections {
		a, b := &f.Sections[i], &g.Sections[i]
		if a.Name != b.Name || a.Line != b.Line || a.Form != b.Form || len(a.Properties) != len(b.Properties) {
			return moved
		}
		for j := range a.Properties {
			if p := &a.Properties[j]; !propertiesEqual(f, g, p, &b.Properties[j], changed[p.Line]) {
				moved.Line = p.Line
				return moved
			}
		}
	}
	return nil
}

// firstOtherDiff returns the number of the first differing line that is not listed,
// or 0.
func firstOtherDiff(a, b []byte, listed map[int]bool) int {
	for line := 1; ; line++ {
		old, restA, moreA := bytes.Cut(a, []byte("\n"))
		next, restB, moreB := bytes.Cut(b, []byte("\n"))
		switch {
		case !listed[line] && !bytes.Equal(old, next):
			return line
		case moreA != moreB:
			return line + 1
		case !moreA:
			return 0
		}
		a, b = restA, restB
	}
}

// propertiesEqual reports whether p of f and q of g are equal. When changed is set,
// their values may differ.
func propertiesEqual(f, g *File, p, q *Property, changed bool) bool {
	if p.Name != q.Name || p.Line != q.Line || p.Form != q.Form || len(p.More) != len(q.More) {
		return false
	}
	return bytes.Equal(f.Data[p.Raw.End:p.Rest.End], g.Data[q.Raw.End:q.Rest.End]) &&
		(changed || bytes.Equal(f.Data[p.Raw.Start:p.Raw.End], g.Data[q.Raw.Start:q.Raw.End]))
}

// verifySecondReader reads each section with ini.v1 before and after an edit. The
// pair must be where the lexer found it, and everything else must be unchanged.
func (f *File) verifySecondReader(places []pairPlace, g *File) *Refusal {
	for _, p := range places {
		a, b := &f.Sections[p.section], &g.Sections[p.section]
		q := g.findPair(b)
		before, errBefore := iniSection(f.Data[a.Body.Start:a.Body.End])
		after, errAfter := iniSection(g.Data[b.Body.Start:b.Body.End])
		if errBefore != nil || errAfter != nil || !q.isWhole() {
			return f.cannotRead(a)
		}
		if r := cmp.Or(f.crossCheck(before, p.pair.id), f.crossCheck(before, p.pair.secret),
			g.crossCheck(after, q.id), g.crossCheck(after, q.secret)); r != nil {
			return r
		}
		if !othersEqual(before, after) {
			return f.newRefusal(a.Line, reportRemedy, "a second reader of the file sees a change in [%s] other than the pair", a.Name)
		}
	}
	return nil
}

// verifyReadBack requires that the reader that later validates the file on disk finds the
// new pair in data, the whole result of an edit.
func (f *File) verifyReadBack(places []pairPlace, data []byte, next Key) *Refusal {
	names := make([]string, len(places))
	for i, p := range places {
		names[i] = f.Sections[p.section].Name
	}
	for i, body := range sectionBodies(data, f.Kind, names) {
		if key, err := body.readPair(names[i]); err != nil || !key.equals(next) {
			return f.newRefusal(f.Sections[places[i].section].Line, "write the header as [name], and only once in the file", "the new pair could not be read back from [%s]", names[i])
		}
	}
	return nil
}

// cannotRead returns the refusal of a section that ini.v1 cannot read: for the line without
// which it could, if there is one.
func (f *File) cannotRead(s *Section) *Refusal {
	const most = 20 // lines that are tried
	body := f.Data[s.Body.Start:s.Body.End]
	line, start, tried := s.Line, 0, 0
	for text := range bytes.Lines(body) {
		line++
		from := start
		start += len(text)
		if !bytes.ContainsAny(text, "`\"[") || tried == most {
			continue
		}
		tried++
		if _, err := iniSection(slices.Concat(body[:from], body[start:])); err == nil {
			return f.newRefusal(line, "close the backtick, the three quotation marks or the bracket in that line, or remove it",
				"a second reader of the file cannot read the lines of [%s] because of this one", s.Name)
		}
	}
	return f.newRefusal(s.Line, "look for an unclosed backtick or [...] in a value, or for a line that is neither `name = value` nor a comment",
		"a second reader of the file cannot read the lines of [%s]", s.Name)
}

// othersEqual reports whether two readings of a section agree on everything but the
// pair.
func othersEqual(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		other, ok := b[name]
		if !ok || other != value && !slices.Contains([]string{idName, secretName}, name) {
			return false
		}
	}
	return true
}
