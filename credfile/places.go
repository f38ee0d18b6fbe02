package credfile

import (
	"bytes"
	"iter"
	"slices"
	"strings"
)

// pairPlace is one pair in a file.
type pairPlace struct {
	section int // index into File.Sections
	pair    pair
}

// findPlaces finds the pairs of old. If one of them cannot be edited, it refuses
// all of them.
func (f *File) findPlaces(old Key) ([]pairPlace, *Refusal) {
	if !IsLongTerm(old.ID) && !isOtherID(old.ID) {
		return nil, f.newRefusal(0, "keyd rotates long-term keys only", "%s is not the id of a long-term access key", Key{ID: idIfSafe(old.ID)})
	}
	places, r := f.findByID(old)
	if r == nil {
		r = f.checkSecrets(places, old)
	}
	if r != nil {
		return nil, r
	}
	if len(places) == 0 {
		return nil, f.newRefusal(0, "run keyd status to see which keys the file holds now", "no profile holds %s", old)
	}
	return places, nil
}

// findByID finds the pairs with the id of k. It refuses all of them when the id
// also appears in a place that only some AWS readers take for a key.
func (f *File) findByID(k Key) ([]pairPlace, *Refusal) {
	var places []pairPlace
	for i := range f.sectionsWith(k.ID) {
		s := &f.Sections[i]
		if !slices.ContainsFunc(s.Properties, func(p Property) bool { return f.containsID(&p, k.ID) }) {
			continue
		}
		p := f.findPair(s)
		if p.flaw == nil && !f.setsID(p.id, k.ID) {
			continue // another key with a longer id
		}
		if r := f.checkEditable(p, k); r != nil {
			return nil, r
		}
		places = append(places, pairPlace{i, p})
	}
	return places, f.checkOtherLines(places, k.ID)
}

// checkEditable refuses a pair that readers disagree on or that is not long-term.
func (f *File) checkEditable(p pair, old Key) *Refusal {
	switch {
	case p.flaw != nil:
		return p.flaw
	case p.secret == nil:
		return f.newRefusal(p.id.Line, "add the aws_secret_access_key below the id, or remove the id", "%s appears without its secret", old)
	case p.token != nil:
		return f.newRefusal(p.token.Line, "remove the line if the key is a long-term one", "there is a session token next to %s", old)
	}
	return nil
}

// checkSecrets requires that every place of the id has old's secret.
func (f *File) checkSecrets(places []pairPlace, old Key) *Refusal {
	for _, p := range places {
		if s := p.pair.secret; !NewSecret(f.Text(s.Value)).Equal(old.Secret) {
			for _, q := range places {
				if t := q.pair.secret; f.Text(t.Value) != f.Text(s.Value) {
					return f.newRefusal(max(s.Line, t.Line), "find out which secret is right and remove the other pair",
						"%s appears with two different secrets, in lines %d and %d", old, min(s.Line, t.Line), max(s.Line, t.Line))
				}
			}
			return f.newRefusal(s.Line, "run keyd status to see which keys the file holds now", "the secret of %s is not the one that was read before", old)
		}
	}
	return nil
}

// checkNewID refuses when the file already holds next's id with a secret other
// than next's: one of the two secrets is wrong.
func (f *File) checkNewID(next Key) *Refusal {
	for i := range f.sectionsWith(next.ID) {
		p := f.findPair(&f.Sections[i])
		if p.isWhole() && f.setsID(p.id, next.ID) && !f.pairKey(p).Secret.Equal(next.Secret) {
			return f.newRefusal(p.secret.Line, "find out which secret is right and remove the other pair", "%s is already here with another secret", next)
		}
	}
	return nil
}

// checkOtherLines refuses an id in a line that some reader takes for the access
// key but keyd does not: that reader would be locked out once the old key is
// deactivated. It ignores comments, nested blocks and lines that do not name the
// property, because no reader signs with those.
func (f *File) checkOtherLines(places []pairPlace, id string) *Refusal {
	for pos := range f.occurrences(id) {
		start := bytes.LastIndexByte(f.Data[:pos], '\n') + 1
		before := strings.ToLower(f.Text(Span{start, pos}))
		if !strings.Contains(before, idName) || f.isKnownPlace(places, pos) || f.isCommentOrNested(Span{start, pos}, before) {
			continue
		}
		return f.blameCulprit(f.newRefusal(bytes.Count(f.Data[:start], []byte("\n"))+1, "write the line as `aws_access_key_id = ...` below a header, or remove it",
			"only some AWS readers take this line for the key id %s", Short(id)))
	}
	return nil
}

// occurrences yields the offsets of id in the data. It leaves out an id that is
// only the beginning of a longer one.
func (f *File) occurrences(id string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for pos := 0; ; pos += len(id) {
			n := bytes.Index(f.Data[pos:], []byte(id))
			if n < 0 {
				return
			}
			pos += n
			if end := pos + len(id); end < len(f.Data) && (isLetter(f.Data[end]) || isDigit(f.Data[end])) {
				continue
			}
			if !yield(pos) {
				return
			}
		}
	}
}

// isKnownPlace reports whether the id at pos belongs to one of the places.
func (f *File) isKnownPlace(places []pairPlace, pos int) bool {
	return slices.ContainsFunc(places, func(p pairPlace) bool { return p.pair.id.Value.Start == pos })
}

// isCommentOrNested reports whether the text right after s belongs to a comment
// or to a nested block. s begins where its line begins; before is its text in
// lower case.
func (f *File) isCommentOrNested(s Span, before string) bool {
	if t := f.trimBlanks(s); !t.Empty() && (f.Data[t.Start] == '#' || f.Data[t.Start] == ';') {
		return true
	}
	for _, mark := range []string{" #", "\t#", " ;", "\t;"} {
		if strings.Contains(before, mark) {
			return true
		}
	}
	i := f.sectionUntil(s.End)
	if i == len(f.Sections) || s.End < f.Sections[i].Body.Start {
		return false
	}
	return slices.ContainsFunc(f.Sections[i].Properties, func(p Property) bool {
		return p.Raw.Empty() && slices.ContainsFunc(p.More, func(m Span) bool { return m.Start <= s.End && s.End < m.End })
	})
}
