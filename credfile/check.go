package credfile

import (
	"context"
	"fmt"
	"strings"
)

// Check does everything of a swap that can be refused, before a new key
// exists and without changing a file: every place of old is found, can be
// edited and is seen alike by a second reader; every file that holds it can be
// written.
//
// The errors are *Gone, *Refusal, *atomicfile.Refused and those of Read. Success is no promise: all of it is checked again by Swap.
func (s *Store) Check(ctx context.Context, old Key) error {
	snap, err := s.Read(ctx, old.ID)
	if err != nil {
		return err
	}
	edits, err := snap.findEdits(old, placeholderKey(old))
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		return &Gone{old.ID, s.paths()}
	}
	return checkWritable(edits)
}

// placeholderKey returns a pair of the shape that IAM hands out, which is no key.
func placeholderKey(old Key) Key {
	id := "AKIA" + strings.Repeat("X", 16)
	if id == old.ID {
		id = "AKIA" + strings.Repeat("Y", 16)
	}
	return Key{ID: id, Secret: NewSecret(strings.Repeat("x", 40))}
}

func checkWritable(edits []fileEdit) error {
	for _, e := range edits {
		if _, err := e.original.Writable(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}

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
		_, changes, err := src.file.Replace(old, placeholderKey(old))
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}
