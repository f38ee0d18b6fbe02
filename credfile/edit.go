package credfile

import (
	"bytes"
	"cmp"
	"slices"
)

// Change is one value that Replace or Mend rewrote.
type Change struct {
	Path     string
	Profile  string // as in Profile.Name; the section's name if no reader sees a profile there
	Line     int    // from 1
	At       Span   // of the old value, in the old data
	Property string // "aws_access_key_id" or "aws_secret_access_key"
}

// Replace returns the file with next in every pair that has old's id, and the
// changes in file order. Nothing else moves: Replace adds, joins and reorders no
// line, and touches no quote and no comment. f itself does not change.
//
// Replace edits every place or none. It refuses the whole change with a *Refusal
// when a single place cannot be edited safely for every AWS reader that could
// read it before, and when the file does not hold the id.
//
// It refuses duplicates, half a pair, a session token next to the pair, a secret
// other than old's, a value or a name that readers disagree on, and any line
// that some reader might take for the old id but keyd does not. ini.v1 reads
// each section before and after the change, and may see no difference but the
// two values. The model of each AWS reader must find the old pair before and the
// new pair after the change, and never a half of each.
func (f *File) Replace(old, next Key) ([]byte, []Change, error) {
	if err := next.CheckOther(); err != nil {
		return nil, nil, err
	}
	places, refusal := f.findPlaces(old)
	if refusal = cmp.Or(refusal, f.checkNewID(next)); refusal != nil {
		return nil, nil, refusal.wrap()
	}
	return f.rewritePlaces(places, next, true)
}

// rewritePlaces puts next into the places and verifies that nothing else changed. With
// all, no reader may find one of the replaced ids afterwards.
func (f *File) rewritePlaces(places []pairPlace, next Key, all bool) ([]byte, []Change, error) {
	changes := f.listChanges(places)
	data := f.spliceKey(changes, next)
	if r := f.newReaderCheck(places, next, all).verifyEdit(places, data); r != nil {
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

// eachID calls see with the value of each line that sets a key id, unless it is empty.
func (f *File) eachID(see func(id []byte)) {
	for i := range f.Sections {
		for _, p := range f.Sections[i].Properties {
			if p.Name == idName && p.Value.Start < p.Value.End {
				see(f.Data[p.Value.Start:p.Value.End])
			}
		}
	}
}

// setsID reports whether p sets the key id to id.
func (f *File) setsID(p *Property, id string) bool {
	return p.Name == idName && id != "" && string(f.Data[p.Value.Start:p.Value.End]) == id
}

// containsID reports whether p sets the key id to a value that contains id.
func (f *File) containsID(p *Property, id string) bool {
	return p.Name == idName && bytes.Contains(f.Data[p.Raw.Start:p.Raw.End], []byte(id))
}

// listChanges returns the values to rewrite, in file order.
func (f *File) listChanges(places []pairPlace) []Change {
	var changes []Change
	for _, p := range places {
		s := &f.Sections[p.section]
		name, ok := profileName(f.Kind, s.Name)
		if !ok {
			name = s.Name
		}
		for _, q := range []*Property{p.pair.id, p.pair.secret} {
			changes = append(changes, Change{Path: f.Path, Profile: name, Line: q.Line, At: q.Value, Property: q.Name})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return a.At.Start - b.At.Start })
	return changes
}

// spliceKey returns the data of f with the changed values replaced by next's.
func (f *File) spliceKey(changes []Change, next Key) []byte {
	out := make([]byte, 0, len(f.Data)+len(changes)*64)
	pos := 0
	for _, c := range changes {
		out = append(out, f.Data[pos:c.At.Start]...)
		if c.Property == idName {
			out = append(out, next.ID...)
		} else {
			out = append(out, next.Secret.Reveal()...)
		}
		pos = c.At.End
	}
	return append(out, f.Data[pos:]...)
}
