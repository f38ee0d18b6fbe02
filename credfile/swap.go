package credfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
)

// Swapped is what a swap did.
type Swapped struct {
	Files    []string // that were written, as Paths names them
	Profiles []string // that show the new key now
	Values   int      // that were replaced: ids and secrets
	InPlace  bool     // a file was overwritten, because no rename could replace it
	// Lost are files into which another program was writing at the moment of
	// the swap, in a way that could not be carried over to the new file.
	Lost []string
}

// Gone says that no profile shows the key that was to be replaced, nor its
// successor: somebody else changed it, and nothing was overwritten.
type Gone struct {
	ID    string
	Files []string
}

func (g *Gone) Error() string {
	return "credfile: no profile in " + strings.Join(g.Files, " or ") + " shows the key " + Short(g.ID)
}

// swapTries bounds how often a swap starts again because another program wrote.
const swapTries = 10

// swap is one swap under way.
type swap struct {
	store     *Store
	old, next Key
	done      []edit // what was written, in order
	swapped   Swapped
}

// edit is the new content of one file.
type edit struct {
	source
	data   []byte
	values int
}

// Check does everything of a swap that can be refused, before a new key
// exists and without changing a file: every place of old is found, can be
// edited and is seen alike by a second reader; every file that holds it can be
// written; the lock can be had.
//
// The errors are *Gone, *Refusal, *atomicfile.Refused, ErrLocked and those of
// Read. Success is no promise: all of it is checked again by Swap.
func (s *Store) Check(ctx context.Context, old Key) error {
	unlock, err := s.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	snap, err := s.Read(ctx, old.ID)
	if err != nil {
		return err
	}
	edits, err := snap.edits(old, madeUp(old))
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		return &Gone{old.ID, s.paths()}
	}
	return writable(edits)
}

// madeUp returns a pair of the shape that IAM hands out, which is no key.
func madeUp(old Key) Key {
	id := "AKIA" + strings.Repeat("X", 16)
	if id == old.ID {
		id = "AKIA" + strings.Repeat("Y", 16)
	}
	return Key{ID: id, Secret: NewSecret(strings.Repeat("x", 40))}
}

func writable(edits []edit) error {
	for _, e := range edits {
		if _, err := e.original.Writable(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
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
		edits = append(edits, edit{src, data, len(changes)})
	}
	return edits, nil
}

// Swap puts next wherever a profile of either file shows old, and returns once
// the files on disk show it: all of them or none. When a file cannot be
// written, those before it get their old pair back. A place that shows next
// already is fine: so a swap that was cut off is resumed, and a file that
// another program put back is mended.
//
// It starts again, a bounded number of times, when another program writes at
// the same moment, and then returns atomicfile.ErrChanged. It never overwrites
// a third key: *Gone. A program that read the file before the swap and writes
// it afterwards puts the old pair back; nothing can prevent that, so the
// caller looks again later.
func (s *Store) Swap(ctx context.Context, old, next Key) (Swapped, error) {
	if err := next.Check(); err != nil {
		return Swapped{}, err
	}
	if old.ID == next.ID {
		return Swapped{}, fmt.Errorf("credfile: %s cannot replace itself", next)
	}
	unlock, err := s.Lock(ctx)
	if err != nil {
		return Swapped{}, err
	}
	defer unlock()
	sw := &swap{store: s, old: old, next: next}
	if err := sw.run(ctx); err != nil {
		return Swapped{}, errors.Join(err, sw.undo(ctx))
	}
	return sw.swapped, nil
}

// run edits what it finds until it finds nothing to edit.
func (sw *swap) run(ctx context.Context) error {
	var b backoff
	for range swapTries {
		snap, err := sw.store.read(ctx, true, sw.shows)
		if err != nil {
			return err
		}
		edits, err := snap.edits(sw.old, sw.next)
		if err != nil {
			return err
		}
		if len(edits) == 0 {
			return sw.finish(snap)
		}
		err = sw.write(ctx, edits)
		if err != nil && !errors.Is(err, atomicfile.ErrChanged) && !errors.Is(err, atomicfile.ErrBusy) {
			return err
		}
		if err != nil {
			if err := b.wait(ctx); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("credfile: gave up after %d attempts: %w", swapTries, atomicfile.ErrChanged)
}

// shows reports whether a snapshot shows either key. A file that is being
// written shows none.
func (sw *swap) shows(snap *Snapshot) bool {
	return snap.holds(sw.old.ID) || snap.holds(sw.next.ID)
}

// write writes all files, or returns the first error.
func (sw *swap) write(ctx context.Context, edits []edit) error {
	if err := writable(edits); err != nil {
		return err
	}
	for _, e := range edits {
		w, err := e.original.Replace(ctx, e.data)
		if w.Way != atomicfile.Nowhere {
			sw.note(e, w)
		}
		if err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
		if w.Stray != nil && !sw.carry(ctx, e, w.Stray) {
			sw.swapped.Lost = append(sw.swapped.Lost, e.file.Path)
		}
	}
	return nil
}

func (sw *swap) note(e edit, w atomicfile.Written) {
	sw.done = append(sw.done, e)
	sw.swapped.Values += e.values
	sw.swapped.InPlace = sw.swapped.InPlace || w.Way == atomicfile.InPlace
	if !slices.Contains(sw.swapped.Files, e.file.Path) {
		sw.swapped.Files = append(sw.swapped.Files, e.file.Path)
	}
}

// carry writes what another program wrote into the file that was just
// replaced, with the new pair in it, and reports whether it could.
func (sw *swap) carry(ctx context.Context, e edit, stray []byte) bool {
	now, err := atomicfile.Read(ctx, sw.store.sys(), e.file.Path)
	if err != nil {
		return false
	}
	file := Lex(e.file.Path, e.file.Kind, stray)
	torn := len(stray) == 0 || file.Err() != nil && e.file.Err() == nil
	if torn || !bytes.Equal(now.Data, e.data) { // or somebody wrote since
		return false
	}
	carried := edit{source: source{file, now}, data: stray}
	if file.Holds(sw.old.ID) {
		data, changes, err := file.Replace(sw.old, sw.next)
		if err != nil {
			return false
		}
		carried.data, carried.values = data, len(changes)
	}
	w, err := now.Replace(ctx, carried.data)
	if w.Way != atomicfile.Nowhere {
		sw.done = append(sw.done, carried)
	}
	return err == nil && w.Stray == nil
}

// finish checks what the files show and makes sure that it stays.
func (sw *swap) finish(snap *Snapshot) error {
	if !snap.holds(sw.next.ID) {
		return &Gone{sw.old.ID, sw.store.paths()}
	}
	for _, p := range snap.Holding(sw.next.ID) {
		if !p.Key.Secret.Equal(sw.next.Secret) {
			return (&Refusal{Path: p.Path, Line: p.Line, Text: "shows " + Short(p.Key.ID) + " with another secret",
				Remedy: "restore the file, or run aws configure"}).wrap()
		}
		sw.swapped.Profiles = append(sw.swapped.Profiles, p.Name)
	}
	if len(sw.done) > 0 {
		return nil
	}
	for _, src := range snap.sources { // a swap before this one may have been cut off
		if err := src.original.Sync(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}

// undoLimit bounds the time for putting files back, which a cancelled context
// does not cut short.
const undoLimit = 15 * time.Second

// undo puts the old pair back into the files that were written.
func (sw *swap) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	var errs []error
	for _, e := range slices.Backward(sw.done) {
		if err := sw.putBack(ctx, e); err != nil {
			errs = append(errs, fmt.Errorf("credfile: %s shows the new key %s: %w", e.file.Path, sw.next, err))
		}
	}
	return errors.Join(errs...)
}

func (sw *swap) putBack(ctx context.Context, e edit) error {
	var b backoff
	for range swapTries {
		now, err := atomicfile.Read(ctx, sw.store.sys(), e.file.Path)
		if err != nil {
			return err
		}
		data := e.original.Data
		if !bytes.Equal(now.Data, e.data) { // somebody wrote since: take back the pair alone
			current := source{Lex(e.file.Path, e.file.Kind, now.Data), now}
			if !current.file.Holds(sw.next.ID) {
				return nil
			}
			if data, _, err = current.file.Replace(sw.next, sw.old); err != nil {
				return err
			}
		}
		if _, err = now.Replace(ctx, data); !errors.Is(err, atomicfile.ErrChanged) {
			return err
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", filepath.Base(e.file.Path), atomicfile.ErrChanged)
}
