package credfile

// IsSpoiled reports whether k has the id of the whole pair, and a secret that is not its own.
// The secret of a key never changes, so k is of no use to anyone.
func (k Key) IsSpoiled(whole Key) bool {
	return k.ID != "" && k.ID == whole.ID && !whole.Secret.IsZero() && !k.Secret.Equal(whole.Secret)
}

// findSpoiled returns the places that show next with a secret that is not its own.
func (f *File) findSpoiled(next Key) []pairPlace {
	var places []pairPlace
	for i := range f.Sections {
		if !f.mayBeTorn(&f.Sections[i], next, next) {
			continue
		}
		p := f.findPair(&f.Sections[i])
		if p.isWhole() && p.token == nil && f.pairKey(p).IsSpoiled(next) {
			places = append(places, pairPlace{i, p})
		}
	}
	return places
}

// findSpoiled returns the edits that leave no spoiled next in an AWS file. Linked files are
// left alone: keyd knows only a whole pair there.
func (s *Snapshot) findSpoiled(next Key) ([]fileEdit, error) {
	var edits []fileEdit
	for _, src := range s.sources {
		f := src.file()
		if f == nil {
			continue
		}
		places := f.findSpoiled(next)
		if len(places) == 0 {
			continue
		}
		data, changes, err := f.rewritePlaces(places, next, false)
		if err != nil {
			return nil, err
		}
		edits = append(edits, fileEdit{source: src, data: data, values: len(changes), isMend: true})
	}
	return edits, s.verifyTogether(edits, next, false, func(f *File) []pairPlace { return f.findSpoiled(next) })
}
