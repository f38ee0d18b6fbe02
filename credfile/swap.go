package credfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

// SwapResult says what a swap did.
type SwapResult struct {
	Files    []string // the files that were written, with their paths as in Paths
	Profiles []string // the profiles that show the new key now; nil after Mend
	Values   int      // the number of ids and secrets that were replaced
	InPlace  bool     // a file was written in place because no rename could replace it
	// Notes has a line for each text that another program wrote during the swap and
	// that could not be carried over. The line says where the text is. Notes is set
	// even when the swap returns an error.
	Notes []string
}

// GoneError is the error that no profile shows the old key or the new key: another
// program changed it, and nothing was overwritten.
type GoneError struct {
	ID    string   // of the old key
	Files []string // that were searched
}

// Error names the files and the short form of the id.
func (g *GoneError) Error() string {
	return "credfile: no profile in " + strings.Join(g.Files, " or ") + " shows the key " + Short(g.ID)
}

// maxSwapTries bounds how often a swap starts again because another program wrote a
// file.
const maxSwapTries = 10

// pairSwap is one swap in progress. The package comment describes its steps.
type pairSwap struct {
	store     *Store
	old, next Key
	toMend    func(*File) []pairPlace // finds the pairs to mend, and then nothing else changes; nil for a whole swap
	neverUndo bool                    // what was written stays, even if the rest fails
	written   []fileEdit              // the writes that can be undone, in order
	result    SwapResult
}

// Swap replaces old with next wherever a profile of either file shows old. It
// returns nil when the files on disk show next in every such place. When one file
// cannot be written, Swap puts the old pair back into the files before it. A place
// that already shows next is fine, so Swap completes an interrupted swap and mends a
// file that another program set back. It first completes torn pairs, which a power
// failure has left half old and half next. They stay next even when the rest fails,
// because a torn pair is of no use to anyone.
//
// When another program writes a file at the same moment, Swap starts again. After 10
// tries it returns an error that wraps atomicfile.ErrChanged. It never overwrites a
// third key; it returns *GoneError instead. Other errors are *Refusal, those of Read, and
// those of writing a file; an error may include *NotUndoneError. A program that read a
// file before the swap and writes it afterwards restores the old pair. Nothing can
// prevent that, so the caller looks again later.
func (s *Store) Swap(ctx context.Context, old, next Key) (SwapResult, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next})
}

// Restore does what Swap does, for an old pair that may no longer work and a next
// pair that does. Each file that shows next helps its readers, so what Restore has
// written stays, even when another file or the sync of a folder fails.
func (s *Store) Restore(ctx context.Context, old, next Key) (SwapResult, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next, neverUndo: true})
}

// Mend replaces with next every torn pair that a power failure has left, a mixture
// of old and next (Key.IsMixtureOf), and changes nothing else: a profile that shows all of
// old keeps it. It is no error when no pair is torn. It is an error when a torn pair
// cannot be written; that pair then stays as it is.
func (s *Store) Mend(ctx context.Context, old, next Key) (SwapResult, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next, toMend: func(f *File) []pairPlace { return f.findTorn(old, next) }})
}

// MendSpoiled is Mend for pairs that have the id of next and a secret that is not its own
// (Key.IsSpoiled), and leaves torn ones. old is the pair that next has replaced.
func (s *Store) MendSpoiled(ctx context.Context, old, next Key) (SwapResult, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next, toMend: func(f *File) []pairPlace { return f.findSpoiled(next) }})
}

// swap checks the keys, runs sw, and undoes it when it fails.
func (s *Store) swap(ctx context.Context, sw pairSwap) (SwapResult, error) {
	if err := sw.next.CheckOther(); err != nil {
		return SwapResult{}, err
	}
	if sw.old.ID == sw.next.ID {
		return SwapResult{}, fmt.Errorf("credfile: %s cannot replace itself", sw.next)
	}
	err := sw.writeUntilDone(ctx)
	if err != nil && !sw.neverUndo {
		err = errors.Join(err, sw.undoWrites(ctx))
		return SwapResult{Notes: sw.result.Notes}, err
	}
	return sw.result, err
}

// writeUntilDone reads the files and writes edits until there is nothing to edit.
func (sw *pairSwap) writeUntilDone(ctx context.Context) error {
	var b backoff
	for range maxSwapTries {
		snap, err := sw.store.readUntil(ctx, reading{expected: true, patient: true}, sw.showsEitherKey)
		if err != nil {
			return err
		}
		if sw.toMend == nil && !sw.showsEitherKey(snap) {
			return sw.goneError()
		}
		edits, err := sw.findEdits(snap)
		if err != nil {
			return err
		}
		if len(edits) == 0 {
			return sw.confirmResult(snap)
		}
		err = sw.writeAll(ctx, edits)
		if err != nil && !errors.Is(err, atomicfile.ErrChanged) && !errors.Is(err, atomicfile.ErrBusy) {
			return err
		}
		if err != nil {
			if err := b.wait(ctx); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("credfile: gave up after %d attempts: %w", maxSwapTries, atomicfile.ErrChanged)
}

// findEdits returns the edits that come next. Edits of torn pairs come first.
func (sw *pairSwap) findEdits(snap *Snapshot) ([]fileEdit, error) {
	if sw.toMend != nil {
		return snap.findMends(sw.next, sw.toMend)
	}
	if torn, err := snap.findMends(sw.next, func(f *File) []pairPlace { return f.findTorn(sw.old, sw.next) }); err != nil || len(torn) > 0 {
		return torn, err
	}
	return snap.findEdits(sw.old, sw.next)
}

// showsEitherKey reports whether a snapshot shows either key, or a mixture of both.
// If it shows none, another program may be writing a file.
func (sw *pairSwap) showsEitherKey(snap *Snapshot) bool {
	return sw.shows(snap, sw.old) || sw.shows(snap, sw.next) || snap.holdsTornPair(sw.old, sw.next)
}

// shows reports whether a snapshot shows a key. What the AWS files show decides: a linked
// file follows them. Where a Store has no AWS files, the linked files decide.
func (sw *pairSwap) shows(snap *Snapshot, k Key) bool {
	if len(sw.store.paths()) > 0 {
		return snap.holdsID(k.ID)
	}
	return slices.ContainsFunc(snap.sources, func(src source) bool { return src.holdsPair(k) })
}

// goneError returns the error that no file shows either key.
func (sw *pairSwap) goneError() error {
	files := sw.store.paths()
	if len(files) == 0 {
		for _, l := range sw.store.Links {
			files = append(files, l.Path)
		}
	}
	return &GoneError{sw.old.ID, files}
}

// writeAll writes the edits and stops at the first error. With neverUndo it tries
// every file and returns all errors.
func (sw *pairSwap) writeAll(ctx context.Context, edits []fileEdit) error {
	if err := checkWritable(edits); err != nil && !sw.neverUndo {
		return err
	}
	var failed []error
	for _, e := range edits {
		err := sw.writeOne(ctx, e)
		if err != nil && !sw.neverUndo {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// writeOne writes one edit, and carries over what another program wrote meanwhile.
func (sw *pairSwap) writeOne(ctx context.Context, e fileEdit) error {
	w, err := e.write(ctx, e.original, e.data, sw.neverUndo || e.isMend)
	if w.Way != atomicfile.NotWritten {
		sw.recordWrite(e, w)
	}
	if err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	carried, err := sw.carryOver(ctx, e, w, sw.withNew)
	sw.written = append(sw.written, carried...)
	return err
}

// withNew returns the text with the new pair in the places that this swap edits.
func (sw *pairSwap) withNew(doc document) ([]byte, error) {
	if sw.toMend != nil {
		data, _, err := doc.mendPair(sw.old, sw.next)
		return data, err
	}
	return replaceAll(doc, sw.old, sw.next)
}

// recordWrite adds a write to the result, and to the writes that can be undone.
func (sw *pairSwap) recordWrite(e fileEdit, w atomicfile.Written) {
	if !e.isMend {
		sw.written = append(sw.written, e)
	}
	sw.result.Values += e.values
	sw.result.InPlace = sw.result.InPlace || w.Way == atomicfile.InPlace
	if !slices.Contains(sw.result.Files, e.path()) {
		sw.result.Files = append(sw.result.Files, e.path())
	}
}

// confirmResult requires that the files show the new key with its secret, and makes
// that durable.
func (sw *pairSwap) confirmResult(snap *Snapshot) error {
	if sw.toMend != nil { // the other places do not matter to it
		return nil
	}
	if !sw.shows(snap, sw.next) {
		return sw.goneError()
	}
	for _, p := range snap.ProfilesHolding(sw.next.ID) {
		if !p.Key.Secret.Equal(sw.next.Secret) {
			return (&Refusal{Path: p.Path, Line: p.Line, Text: "the file shows " + Short(p.Key.ID) + " with another secret",
				Remedy: "restore the file, or run aws configure"}).wrap()
		}
		sw.result.Profiles = append(sw.result.Profiles, p.Name)
	}
	if len(sw.written) > 0 {
		return nil
	}
	for _, src := range snap.sources { // an earlier swap may have been interrupted before its sync
		if !src.holdsPair(sw.next) {
			continue
		}
		if err := src.original.Sync(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}

// fileEdit is one file and its new content.
type fileEdit struct {
	source
	data     []byte
	values   int    // how many values change
	undoData []byte // the data that an undo puts back
	isMend   bool   // it mends useless pairs, so it is never undone
}

// findEdits returns the edits that put next wherever a file shows old.
func (s *Snapshot) findEdits(old, next Key) ([]fileEdit, error) {
	var edits []fileEdit
	for _, src := range s.sources {
		if !src.holdsPair(old) {
			continue
		}
		data, changes, err := src.replacePair(old, next)
		if err != nil {
			return nil, err
		}
		edits = append(edits, fileEdit{source: src, data: data, undoData: src.original.Data, values: len(changes)})
	}
	if err := s.checkTarget(edits, old, next); err != nil {
		return nil, err
	}
	return edits, s.verifyTogether(edits, next, true, func(f *File) []pairPlace {
		places, _ := f.findPlaces(old)
		return places
	})
}
