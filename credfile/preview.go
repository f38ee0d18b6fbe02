package credfile

import "context"

// Preview returns the values that a swap of the key with this id would
// replace, in the order of the files. Nothing is written; the errors are those
// of Check, as far as they are about what the files hold.
func (s *Store) Preview(ctx context.Context, id string) ([]Change, error) {
	snap, err := s.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	holding := snap.Holding(id)
	if len(holding) == 0 {
		return nil, &Gone{ID: id, Files: s.paths()}
	}
	old := holding[0].Key
	var all []Change
	for _, src := range snap.sources {
		if !src.file.Holds(id) {
			continue
		}
		_, changes, err := src.file.Replace(old, madeUp(old))
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}
