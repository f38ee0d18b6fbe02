package credfile

import "slices"

// A file that no rename can replace is written in place, and a power failure in
// that very moment leaves a pair that is half the old key and half the new one.
// Whoever has both can tell it from any other key, and make it whole.

// Mixes reports whether k is neither a nor b, but each byte of its id and of its
// secret is the one that a or b has in that place. So it finds what a write in
// place leaves that was cut off, wherever the disk cut it and in whatever order
// it wrote the parts; also when the cut is between id and secret. A third key
// looks like this by chance once in some 10^19 keys, as the id has 16 random
// characters of 32, and the secret would have to do so as well.
//
// Keys of different lengths never mix: writing one over the other moves the rest
// of the file.
func (k Key) Mixes(a, b Key) bool {
	whole := k.equals(a) || k.equals(b)
	return !whole && isMixture(k.ID, a.ID, b.ID) && k.Secret.isMixtureOf(a.Secret, b.Secret)
}

func (k Key) equals(l Key) bool { return k.ID == l.ID && k.Secret.Equal(l.Secret) }

// isMixture reports whether each byte of s is that of a or b in the same place.
func isMixture(s, a, b string) bool {
	if s == "" || len(s) != len(a) || len(s) != len(b) {
		return false
	}
	for i := range len(s) {
		if s[i] != a[i] && s[i] != b[i] {
			return false
		}
	}
	return true
}

// Mend returns the file with next in the place of every mixture of old and next
// (Key.Mixes), and what changed, in file order; f's own bytes when there is
// none. A pair that is wholly old stays. Everything else is as with Replace:
// nothing else moves, and one place that cannot be edited beyond doubt refuses
// all of it.
func (f *File) Mend(old, next Key) ([]byte, []Change, error) {
	places := f.findTorn(old, next)
	if len(places) == 0 {
		return f.Data, nil, nil
	}
	if err := next.Check(); err != nil {
		return nil, nil, err
	}
	return f.rewritePlaces(places, next)
}

// findTorn finds the mixtures of two keys.
func (f *File) findTorn(a, b Key) []pairPlace {
	var places []pairPlace
	for i := range f.Sections {
		p := f.findPair(&f.Sections[i])
		if p.isWhole() && p.token == nil && f.pairKey(p).Mixes(a, b) {
			places = append(places, pairPlace{i, p})
		}
	}
	return places
}

func (s *Snapshot) holdsTornPair(a, b Key) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool { return len(src.file.findTorn(a, b)) > 0 })
}

// findMends returns what is to be written so that no file holds a mixture.
func (s *Snapshot) findMends(old, next Key) ([]fileEdit, error) {
	var edits []fileEdit
	for _, src := range s.sources {
		data, changes, err := src.file.Mend(old, next)
		if err != nil {
			return nil, err
		}
		if len(changes) > 0 {
			edits = append(edits, fileEdit{source: src, data: data, values: len(changes), isMend: true})
		}
	}
	return edits, nil
}
