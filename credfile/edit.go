package credfile

import (
	"bytes"
	"cmp"
	"slices"
)

// Change is one value that Replace rewrote.
type Change struct {
	Path    string
	Profile string // as in Profile.Name; the section's name where no reader sees a profile
	Line    int    // from 1
	At      Span   // in the old data
	What    string // "aws_access_key_id" or "aws_secret_access_key"
}

// pairPlace is one pair in the file that is to change.
type pairPlace struct {
	section int
	pair    pair
}

// Replace returns the file with every pair of old's id rewritten to next, and
// what changed, in file order. Nothing else moves: no line is added, joined or
// reordered, no quote or comment touched. It is all or none: one place that
// cannot be edited beyond doubt, for every reader of the file that could read
// it before, refuses the whole change with a *Refusal, and so does a file
// without the id. f itself stays as it was.
//
// Refused are: duplicates, half a pair, a session token beside the pair,
// another secret than old's, a value or a name that readers disagree on, and
// any line that a reader might take for the old id but keyd does not. The
// section is read by ini.v1 before and after, and must change in nothing but
// the two values.
func (f *File) Replace(old, next Key) ([]byte, []Change, error) {
	if err := next.Check(); err != nil {
		return nil, nil, err
	}
	places, refusal := f.findPlaces(old)
	if refusal = cmp.Or(refusal, f.checkNewID(next)); refusal != nil {
		return nil, nil, refusal.wrap()
	}
	return f.rewritePlaces(places, next)
}

// rewritePlaces puts next into the places, and verifies that nothing else changes.
func (f *File) rewritePlaces(places []pairPlace, next Key) ([]byte, []Change, error) {
	changes := f.listChanges(places)
	data := f.spliceKey(changes, next)
	g := Lex(f.Path, f.Kind, data)
	if r := cmp.Or(f.verifyLexed(places, g), f.verifySecondReader(places, g, next)); r != nil {
		return nil, nil, r.wrap()
	}
	return data, changes, nil
}

// Holds reports whether the pair of some section has this id.
func (f *File) Holds(id string) bool {
	return slices.ContainsFunc(f.Sections, func(s Section) bool {
		return slices.ContainsFunc(s.Properties, func(p Property) bool { return f.setsID(&p, id) })
	})
}

func (f *File) setsID(p *Property, id string) bool {
	return p.Name == idName && id != "" && string(f.Data[p.Value.Start:p.Value.End]) == id
}

// containsID reports whether p sets the key id to a value that id is a part of.
func (f *File) containsID(p *Property, id string) bool {
	return p.Name == idName && bytes.Contains(f.Data[p.Raw.Start:p.Raw.End], []byte(id))
}

// findPlaces finds the pairs of old, and refuses all of them for the sake of one.
func (f *File) findPlaces(old Key) ([]pairPlace, *Refusal) {
	if !LongTerm(old.ID) {
		return nil, f.newRefusal(0, "keyd rotates long-term keys (AKIA...) only", "%s is not the id of a long-term access key", old)
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

// findByID finds the pairs with the id of k, and refuses all of them when it
// also stands where only some AWS readers find it.
func (f *File) findByID(k Key) ([]pairPlace, *Refusal) {
	var places []pairPlace
	for i := range f.Sections {
		s := &f.Sections[i]
		if !slices.ContainsFunc(s.Properties, func(p Property) bool { return f.containsID(&p, k.ID) }) {
			continue
		}
		p := f.findPair(s)
		if p.flaw == nil && !f.setsID(p.id, k.ID) {
			continue // another key, whose id is longer
		}
		if r := f.checkEditable(p, k); r != nil {
			return nil, r
		}
		places = append(places, pairPlace{i, p})
	}
	return places, f.checkOtherLines(places, k.ID)
}

// checkEditable refuses a pair that is not beyond doubt.
func (f *File) checkEditable(p pair, old Key) *Refusal {
	switch {
	case p.flaw != nil:
		return p.flaw
	case p.secret == nil:
		return f.newRefusal(p.id.Line, "add the aws_secret_access_key below the id, or remove the id", "%s stands without its secret", old)
	case p.token != nil:
		return f.newRefusal(p.token.Line, "remove the line if the key is a long-term one", "a session token stands beside %s", old)
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
						"%s stands with two different secrets, in lines %d and %d", old, min(s.Line, t.Line), max(s.Line, t.Line))
				}
			}
			return f.newRefusal(s.Line, "run keyd status to see which keys the file holds now", "the secret of %s is not the one that was read before", old)
		}
	}
	return nil
}

// checkNewID refuses when next's id stands in the file already, with a secret
// that is not next's: one of the two is wrong.
func (f *File) checkNewID(next Key) *Refusal {
	for i := range f.Sections {
		p := f.findPair(&f.Sections[i])
		if p.isWhole() && f.setsID(p.id, next.ID) && !f.pairKey(p).Secret.Equal(next.Secret) {
			return f.newRefusal(p.secret.Line, "find out which secret is right and remove the other pair", "%s stands here with another secret", next)
		}
	}
	return nil
}

// listChanges lists the values to rewrite, in file order.
func (f *File) listChanges(places []pairPlace) []Change {
	var changes []Change
	for _, p := range places {
		s := &f.Sections[p.section]
		name, ok := profileName(f.Kind, s.Name)
		if !ok {
			name = s.Name
		}
		for _, q := range []*Property{p.pair.id, p.pair.secret} {
			changes = append(changes, Change{Path: f.Path, Profile: name, Line: q.Line, At: q.Value, What: q.Name})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return a.At.Start - b.At.Start })
	return changes
}

func (f *File) spliceKey(changes []Change, next Key) []byte {
	out := make([]byte, 0, len(f.Data)+len(changes)*64)
	pos := 0
	for _, c := range changes {
		out = append(out, f.Data[pos:c.At.Start]...)
		if c.What == idName {
			out = append(out, next.ID...)
		} else {
			out = append(out, next.Secret.Reveal()...)
		}
		pos = c.At.End
	}
	return append(out, f.Data[pos:]...)
}
