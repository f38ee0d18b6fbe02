package credfile

import (
	"context"
	"strings"
)

// Check tries every step of a swap that can be refused. It runs before a new
// key exists, and it changes no file: it finds every place that shows old,
// edits each place in memory, compares the edit with a second reader, and
// requires that every file with such a place can be written.
//
// The errors are *GoneError, *Refusal, *atomicfile.Refused and those of Read.
// Success is no promise: Swap checks everything again.
func (s *Store) Check(ctx context.Context, old Key) error {
	snap, err := s.Read(ctx, old.ID)
	if err != nil {
		return err
	}
	for _, l := range snap.Links {
		if err := l.CheckPair(old); l.ShowsID(old.ID) && err != nil {
			return err
		}
	}
	edits, err := snap.findEdits(old, placeholderKey(old))
	if err != nil {
		return err
	}
	if !snap.holdsID(old.ID) {
		return &GoneError{old.ID, s.paths()}
	}
	return checkWritable(edits)
}

// placeholderKey returns a pair with the shape of a new IAM key. It differs
// from old and signs nothing.
func placeholderKey(old Key) Key {
	if !IsLongTerm(old.ID) && len(old.ID) > 0 {
		id := "0" + strings.Repeat("X", len(old.ID)-1)
		if id == old.ID {
			id = "1" + id[1:]
		}
		return Key{ID: id, Secret: NewSecret(strings.Repeat("x", max(len(old.Secret.Reveal()), 40)))}
	}
	id := idPrefix + strings.Repeat("X", 16)
	if id == old.ID {
		id = idPrefix + strings.Repeat("Y", 16)
	}
	return Key{ID: id, Secret: NewSecret(strings.Repeat("x", 40))}
}

// Preview returns the values that a swap of the key with this id would
// replace, in file order, credentials file first. It writes nothing. The errors
// are those of Check, except that Preview does not try whether the files can be
// written.
func (s *Store) Preview(ctx context.Context, id string) ([]Change, error) {
	snap, err := s.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	holding := snap.ProfilesHolding(id)
	if len(holding) == 0 {
		return nil, &GoneError{ID: id, Files: s.paths()}
	}
	old := holding[0].Key
	if _, err := snap.findEdits(old, placeholderKey(old)); err != nil {
		return nil, err
	}
	var all []Change
	for _, src := range snap.sources {
		if !src.holdsPair(old) {
			continue
		}
		_, changes, err := src.replacePair(old, placeholderKey(old))
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}
