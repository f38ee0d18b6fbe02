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

// swapTries bounds how often a swap starts again because another program wrote.
const swapTries = 10

// swap is one swap under way.
type swap struct {
	store     *Store
	old, next Key
	mends     bool   // only what is torn
	keeps     bool   // what is written, whatever becomes of the rest
	done      []edit // what was written and can be undone, in order
	swapped   Swapped
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
	return s.swap(ctx, swap{store: s, old: old, next: next})
}

// Restore is Swap for an old pair that may not work any more, and a next one that
// does: each file that shows next is one less that is locked out. So what is
// written stays when another file, or the sync of its folder, fails.
func (s *Store) Restore(ctx context.Context, old, next Key) (Swapped, error) {
	return s.swap(ctx, swap{store: s, old: old, next: next, keeps: true})
}

// Mend puts next where a power failure has left a mixture of old and next in a
// file that is written in place (Key.Mixes), and nowhere else: a profile that
// shows old as a whole keeps it. Nothing torn is no error. One that cannot be
// written is, and then stays as it is.
func (s *Store) Mend(ctx context.Context, old, next Key) (Swapped, error) {
	return s.swap(ctx, swap{store: s, old: old, next: next, mends: true})
}

func (s *Store) swap(ctx context.Context, sw swap) (Swapped, error) {
	if err := sw.next.Check(); err != nil {
		return Swapped{}, err
	}
	if sw.old.ID == sw.next.ID {
		return Swapped{}, fmt.Errorf("credfile: %s cannot replace itself", sw.next)
	}
	err := sw.run(ctx)
	if err != nil && !sw.keeps {
		err = errors.Join(err, sw.undo(ctx))
		return Swapped{Notes: sw.swapped.Notes}, err
	}
	return sw.swapped, err
}

// run edits what it finds until it finds nothing to edit.
func (sw *swap) run(ctx context.Context) error {
	var b backoff
	for range swapTries {
		snap, err := sw.store.read(ctx, true, sw.shows)
		if err != nil {
			return err
		}
		edits, err := sw.edits(snap)
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

// edits returns what is to be written now: first what is torn.
func (sw *swap) edits(snap *Snapshot) ([]edit, error) {
	if torn, err := snap.mends(sw.old, sw.next); err != nil || len(torn) > 0 || sw.mends {
		return torn, err
	}
	return snap.edits(sw.old, sw.next)
}

// shows reports whether a snapshot shows either key, or halves of both. A file
// that is being written shows none.
func (sw *swap) shows(snap *Snapshot) bool {
	return snap.holds(sw.old.ID) || snap.holds(sw.next.ID) || snap.torn(sw.old, sw.next)
}

// write writes all files, or returns the first error; what is kept, as many as
// it can.
func (sw *swap) write(ctx context.Context, edits []edit) error {
	if err := writable(edits); err != nil && !sw.keeps {
		return err
	}
	var failed []error
	for _, e := range edits {
		err := sw.writeOne(ctx, e)
		if err != nil && !sw.keeps {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (sw *swap) writeOne(ctx context.Context, e edit) error {
	put := e.original.Replace
	if sw.keeps || e.mends {
		put = e.original.Better
	}
	w, err := put(ctx, e.data)
	if w.Way != atomicfile.Nowhere {
		sw.note(e, w)
	}
	if err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	carried, err := sw.carry(ctx, e, w, sw.forward)
	sw.done = append(sw.done, carried...)
	return err
}

// forward returns the file with the new pair where this swap puts it.
func (sw *swap) forward(f *File) ([]byte, error) {
	if sw.mends {
		data, _, err := f.Mend(sw.old, sw.next)
		return data, err
	}
	return f.turned(sw.old, sw.next)
}

func (sw *swap) note(e edit, w atomicfile.Written) {
	if !e.mends {
		sw.done = append(sw.done, e)
	}
	sw.swapped.Values += e.values
	sw.swapped.InPlace = sw.swapped.InPlace || w.Way == atomicfile.InPlace
	if !slices.Contains(sw.swapped.Files, e.file.Path) {
		sw.swapped.Files = append(sw.swapped.Files, e.file.Path)
	}
}

// finish checks what the files show and makes sure that it stays.
func (sw *swap) finish(snap *Snapshot) error {
	if sw.mends { // of what it does not touch it says nothing
		return nil
	}
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
		if !src.file.Holds(sw.next.ID) {
			continue
		}
		if err := src.original.Sync(); err != nil {
			return fmt.Errorf("credfile: %w", err)
		}
	}
	return nil
}

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
