package credfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile/atomicfile"
)

// Swapped is what a swap did.
type Swapped struct {
	Files    []string // that were written, as Paths names them
	Profiles []string // that show the new key now; not of Mend
	Values   int      // that were replaced: ids and secrets
	InPlace  bool     // a file was overwritten, because no rename could replace it
	// Notes say of each text that another program was writing at the moment of
	// the swap, and that could not be carried over to the new file, where it
	// is kept. They are there beside an error, too.
	Notes []string
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

// maxSwapTries bounds how often a swap starts again because another program wrote.
const maxSwapTries = 10

// pairSwap is one swap under way.
type pairSwap struct {
	store     *Store
	old, next Key
	onlyTorn  bool       // only what is torn
	neverUndo bool       // what is written, whatever becomes of the rest
	written   []fileEdit // what was written and can be undone, in order
	result    Swapped
}

// Swap puts next wherever a profile of either file shows old, and returns once
// the files on disk show it: all of them or none. When a file cannot be
// written, those before it get their old pair back. A place that shows next
// already is fine: so a swap that was cut off is resumed, and a file that
// another program put back is mended. A pair that a power failure has torn, half
// old and half next, becomes next before anything else, and stays it even when
// the rest fails: nobody wants the halves back.
//
// It starts again, a bounded number of times, when another program writes at
// the same moment, and then returns atomicfile.ErrChanged. It never overwrites
// a third key: *Gone. A program that read the file before the swap and writes
// it afterwards puts the old pair back; nothing can prevent that, so the
// caller looks again later.
func (s *Store) Swap(ctx context.Context, old, next Key) (Swapped, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next})
}

// Restore is Swap for an old pair that may not work any more, and a next one that
// does: each file that shows next is one less that is locked out. So what is
// written stays when another file, or the sync of its folder, fails.
func (s *Store) Restore(ctx context.Context, old, next Key) (Swapped, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next, neverUndo: true})
}

// Mend puts next where a power failure has left a mixture of old and next in a
// file that is written in place (Key.Mixes), and nowhere else: a profile that
// shows old as a whole keeps it. Nothing torn is no error. One that cannot be
// written is, and then stays as it is.
func (s *Store) Mend(ctx context.Context, old, next Key) (Swapped, error) {
	return s.swap(ctx, pairSwap{store: s, old: old, next: next, onlyTorn: true})
}

func (s *Store) swap(ctx context.Context, sw pairSwap) (Swapped, error) {
	if err := sw.next.Check(); err != nil {
		return Swapped{}, err
	}
	if sw.old.ID == sw.next.ID {
		return Swapped{}, fmt.Errorf("credfile: %s cannot replace itself", sw.next)
	}
	err := sw.writeUntilDone(ctx)
	if err != nil && !sw.neverUndo {
		err = errors.Join(err, sw.undoWrites(ctx))
		return Swapped{Notes: sw.result.Notes}, err
	}
	return sw.result, err
}

// writeUntilDone edits what it finds until it finds nothing to edit.
func (sw *pairSwap) writeUntilDone(ctx context.Context) error {
	var b backoff
	for range maxSwapTries {
		snap, err := sw.store.readUntil(ctx, true, sw.showsEitherKey)
		if err != nil {
			return err
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

// findEdits returns what is to be written now: first what is torn.
func (sw *pairSwap) findEdits(snap *Snapshot) ([]fileEdit, error) {
	if torn, err := snap.findMends(sw.old, sw.next); err != nil || len(torn) > 0 || sw.onlyTorn {
		return torn, err
	}
	return snap.findEdits(sw.old, sw.next)
}

// showsEitherKey reports whether a snapshot shows either key, or halves of both. A file
// that is being written shows none.
func (sw *pairSwap) showsEitherKey(snap *Snapshot) bool {
	return snap.holdsID(sw.old.ID) || snap.holdsID(sw.next.ID) || snap.holdsTornPair(sw.old, sw.next)
}

// writeAll writes all files, or returns the first error; what is kept, as many as
// it can.
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

func (sw *pairSwap) writeOne(ctx context.Context, e fileEdit) error {
	put := e.original.Replace
	if sw.neverUndo || e.isMend {
		put = e.original.Better
	}
	w, err := put(ctx, e.data)
	if w.Way != atomicfile.Nowhere {
		sw.recordWrite(e, w)
	}
	if err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	carried, err := sw.carryOver(ctx, e, w, sw.withNew)
	sw.written = append(sw.written, carried...)
	return err
}

// withNew returns the file with the new pair where this swap puts it.
func (sw *pairSwap) withNew(f *File) ([]byte, error) {
	if sw.onlyTorn {
		data, _, err := f.Mend(sw.old, sw.next)
		return data, err
	}
	return f.replaceAll(sw.old, sw.next)
}

func (sw *pairSwap) recordWrite(e fileEdit, w atomicfile.Written) {
	if !e.isMend {
		sw.written = append(sw.written, e)
	}
	sw.result.Values += e.values
	sw.result.InPlace = sw.result.InPlace || w.Way == atomicfile.InPlace
	if !slices.Contains(sw.result.Files, e.file.Path) {
		sw.result.Files = append(sw.result.Files, e.file.Path)
	}
}

// confirmResult checks what the files show and makes sure that it stays.
func (sw *pairSwap) confirmResult(snap *Snapshot) error {
	if sw.onlyTorn { // of what it does not touch it says nothing
		return nil
	}
	if !snap.holdsID(sw.next.ID) {
		return &Gone{sw.old.ID, sw.store.paths()}
	}
	for _, p := range snap.Holding(sw.next.ID) {
		if !p.Key.Secret.Equal(sw.next.Secret) {
			return (&Refusal{Path: p.Path, Line: p.Line, Text: "shows " + Short(p.Key.ID) + " with another secret",
				Remedy: "restore the file, or run aws configure"}).wrap()
		}
		sw.result.Profiles = append(sw.result.Profiles, p.Name)
	}
	if len(sw.written) > 0 {
		return nil
	}
	for _, src := range snap.sources { // a swap before this one may have been cut off
		if !src.file.Holds(sw.next.ID) {
			continue
		}
		if err := src.original.Sync(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}

// fileEdit is the new content of one file.
type fileEdit struct {
	source
	data     []byte
	values   int
	undoData []byte // what undoing it puts back
	isMend   bool   // a torn pair: what stood there is nothing to go back to
}

// findEdits returns what is to be written so that next stands wherever old does.
func (s *Snapshot) findEdits(old, next Key) ([]fileEdit, error) {
	var edits []fileEdit
	for _, src := range s.sources {
		if !src.file.Holds(old.ID) {
			continue
		}
		data, changes, err := src.file.Replace(old, next)
		if err != nil {
			return nil, err
		}
		edits = append(edits, fileEdit{source: src, data: data, undoData: src.original.Data, values: len(changes)})
	}
	return edits, nil
}
