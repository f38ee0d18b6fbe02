package credfile

import "slices"

// A file that no rename can replace is written in place. A power failure during
// that write can leave a torn pair, with some bytes of the old key and some of the
// new one. A program that has both keys can tell a torn pair from any other key and
// can repair it.

// IsMixtureOf reports whether k is a mixture of a and b: it is neither of them, and each
// byte of its id and its secret is the byte of a or of b at the same offset. That
// covers everything that an interrupted write in place can leave, no matter where
// the disk cut it and in which order it wrote the parts, including a cut between id
// and secret. By chance, a third key looks like that once in about 10^19 keys: the
// id has 16 random characters out of 32, and the secret would have to match as well.
//
// Keys of different lengths never mix, because writing one over the other moves the
// rest of the file.
func (k Key) IsMixtureOf(a, b Key) bool {
	whole := k.equals(a) || k.equals(b)
	return !whole && isMixture(k.ID, a.ID, b.ID) && k.Secret.isMixtureOf(a.Secret, b.Secret)
}

// equals reports whether id and secret are the same.
func (k Key) equals(l Key) bool { return k.ID == l.ID && k.Secret.Equal(l.Secret) }

// isMixture reports whether each byte of s is the byte of a or of b at the same
// offset. It is false for an empty text and for different lengths.
func isMixture[text string | []byte](s text, a, b string) bool {
	if len(s) == 0 || len(s) != len(a) || len(s) != len(b) {
		return false
	}
	for i := range len(s) {
		if s[i] != a[i] && s[i] != b[i] {
			return false
		}
	}
	return true
}

// Mend returns the file with next in place of every mixture of old and next
// (Key.IsMixtureOf), and the changes in file order. Without a mixture it returns f.Data
// itself. A pair that is entirely old stays. Otherwise Mend behaves like Replace:
// nothing else moves, and a single place that cannot be edited safely refuses the
// whole change.
func (f *File) Mend(old, next Key) ([]byte, []Change, error) {
	return f.mendPlaces(f.findTorn(old, next), next)
}

// mendPlaces returns the file with next in the places, and the changes in file order.
// Without a place it returns f.Data itself.
func (f *File) mendPlaces(places []pairPlace, next Key) ([]byte, []Change, error) {
	if len(places) == 0 {
		return f.Data, nil, nil
	}
	if err := next.CheckOther(); err != nil {
		return nil, nil, err
	}
	return f.rewritePlaces(places, next, false)
}

// findTorn returns the pairs that are mixtures of two keys.
func (f *File) findTorn(a, b Key) []pairPlace {
	return f.findUseless(a, b, func(k Key) bool { return k.IsMixtureOf(a, b) })
}

// findUseless returns the pairs whose id is a mixture of the ids of a and b, and whose key is
// useless.
func (f *File) findUseless(a, b Key, isUseless func(Key) bool) []pairPlace {
	var places []pairPlace
	for i := range f.Sections {
		if !f.mayBeTorn(&f.Sections[i], a, b) {
			continue
		}
		p := f.findPair(&f.Sections[i])
		if p.isWhole() && p.token == nil && isUseless(f.pairKey(p)) {
			places = append(places, pairPlace{i, p})
		}
	}
	return places
}

// mayBeTorn reports whether a line of s sets the key id to a mixture of the two ids; either id
// alone counts as a mixture.
func (f *File) mayBeTorn(s *Section, a, b Key) bool {
	return slices.ContainsFunc(s.Properties, func(p Property) bool {
		return p.Name == idName && isMixture(f.Data[p.Value.Start:p.Value.End], a.ID, b.ID)
	})
}

// holdsTornPair reports whether a file holds a mixture of a and b.
func (s *Snapshot) holdsTornPair(a, b Key) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool { return src.file() != nil && len(src.file().findTorn(a, b)) > 0 })
}

// findMends returns the edits that put next in place of the useless pairs, which toMend
// finds in an AWS file. A linked file has none: it is never written in place, and keyd knows
// only a whole pair there.
func (s *Snapshot) findMends(next Key, toMend func(*File) []pairPlace) ([]fileEdit, error) {
	var edits []fileEdit
	for _, src := range s.sources {
		f := src.file()
		if f == nil {
			continue
		}
		data, changes, err := f.mendPlaces(toMend(f), next)
		if err != nil {
			return nil, err
		}
		if len(changes) > 0 {
			edits = append(edits, fileEdit{source: src, data: data, values: len(changes), isMend: true})
		}
	}
	return edits, s.verifyTogether(edits, next, false, toMend)
}
