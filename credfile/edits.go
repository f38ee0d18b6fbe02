package credfile

// edit is the new content of one file.
type edit struct {
	source
	data   []byte
	values int
	was    []byte // what undoing it puts back
	mends  bool   // a torn pair: what stood there is nothing to go back to
}

// edits returns what is to be written so that next stands wherever old does.
func (s *Snapshot) edits(old, next Key) ([]edit, error) {
	var edits []edit
	for _, src := range s.sources {
		if !src.file.Holds(old.ID) {
			continue
		}
		data, changes, err := src.file.Replace(old, next)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{source: src, data: data, was: src.original.Data, values: len(changes)})
	}
	return edits, nil
}
