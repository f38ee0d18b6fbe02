package credfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// maxUndoTime bounds the time for putting old pairs back. Cancelling the context of
// the swap does not shorten it.
const maxUndoTime = 15 * time.Second

// NotUndoneError is the error that a swap has failed and that a file may still show the
// new key, because putting the old key back has failed as well.
type NotUndoneError struct {
	Path string // of the file
	Key  string // the short form of the new key
	Err  error  // why the old key could not be put back
}

// Error names the file and the short form of the new key.
func (n *NotUndoneError) Error() string {
	return fmt.Sprintf("credfile: %s may still show the new key %s: %v", n.Path, n.Key, n.Err)
}

// Unwrap returns Err.
func (n *NotUndoneError) Unwrap() error { return n.Err }

// undoWrites puts the old pair back into the files that were written, newest first.
func (sw *pairSwap) undoWrites(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxUndoTime)
	defer cancel()
	var errs []error
	for _, e := range slices.Backward(sw.written) {
		way, err := sw.undoFile(ctx, e)
		switch {
		case err != nil && way == atomicfile.Renamed: // the file shows the old pair, but may not survive a power failure
			err = fmt.Errorf("credfile: putting %s back: %w", sw.old, err)
		case err != nil:
			err = &NotUndoneError{e.path(), sw.next.String(), err}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// undoFile undoes one write. It puts back all bytes of the file, or only the pair if
// another program has written the file since. It starts again when a program writes
// at the same moment.
func (sw *pairSwap) undoFile(ctx context.Context, e fileEdit) (atomicfile.Way, error) {
	var b backoff
	for range maxSwapTries {
		now, err := atomicfile.Read(ctx, sw.store.sys(), e.path())
		if err != nil {
			return atomicfile.NotWritten, err
		}
		back := fileEdit{source: source{e.document, now}, data: e.undoData}
		if !bytes.Equal(now.Data, e.data) { // another program wrote since, or the write was interrupted: exchange only the pair
			back.data, err = sw.withOld(e.withData(now.Data))
		}
		if err != nil || bytes.Equal(back.data, now.Data) {
			return atomicfile.NotWritten, err
		}
		w, err := e.write(ctx, now, back.data, false)
		if err == nil {
			_, err = sw.carryOver(ctx, back, w, sw.withOld)
		}
		if !errors.Is(err, atomicfile.ErrChanged) {
			return w.Way, err
		}
		if err := b.wait(ctx); err != nil {
			return atomicfile.NotWritten, err
		}
	}
	return atomicfile.NotWritten, fmt.Errorf("gave up after %d attempts: %w", maxSwapTries, atomicfile.ErrChanged)
}

// withOld returns the text with the old pair in place of the new one.
func (sw *pairSwap) withOld(doc document) ([]byte, error) { return replaceAll(doc, sw.next, sw.old) }

// carryOver handles w.Stray, the text that another program wrote into the file that
// the edit last has just replaced. It writes that text into the new file, with the
// pair that setPair puts into it, and returns the edits that it has written. It leaves
// the text next to the file when the text is incomplete, is no credentials file, or
// arrived while a third program wrote the new file.
func (sw *pairSwap) carryOver(ctx context.Context, last fileEdit, w atomicfile.Written, setPair func(document) ([]byte, error)) ([]fileEdit, error) {
	var carried []fileEdit
	for tries := 0; w.Stray != nil && !w.Unfinished && tries < maxSwapTries; tries++ {
		next, ok := sw.prepareCarry(ctx, last, w.Stray, setPair)
		if !ok {
			break
		}
		written, err := next.write(ctx, next.original, next.data, false)
		if written.Way == atomicfile.NotWritten {
			sw.noteError(err)
			break
		}
		carried = append(carried, next)
		if err != nil {
			return carried, fmt.Errorf("credfile: %w", err)
		}
		last, w = next, written
	}
	if w.Stray != nil {
		sw.result.Notes = append(sw.result.Notes, leaveBeside(last, w.Stray))
	}
	return carried, nil
}

// noteError adds to the notes why a text could not be carried over. The error may
// also say where the text of a third program is.
func (sw *pairSwap) noteError(err error) {
	if !errors.Is(err, atomicfile.ErrChanged) {
		sw.result.Notes = append(sw.result.Notes, err.Error())
	}
}

// prepareCarry returns the edit that replaces the data of the edit last with stray. It
// returns false when the file no longer shows these data, and when stray cannot be
// edited.
func (sw *pairSwap) prepareCarry(ctx context.Context, last fileEdit, stray []byte, setPair func(document) ([]byte, error)) (fileEdit, bool) {
	now, err := atomicfile.Read(ctx, sw.store.sys(), last.path())
	if err != nil || len(stray) == 0 || !bytes.Equal(now.Data, last.data) {
		return fileEdit{}, false
	}
	doc := last.withData(stray)
	if doc.isBroken() && !last.isBroken() {
		return fileEdit{}, false
	}
	undoData, _, err := doc.mendPair(sw.old, sw.next) // an undo must not put a torn pair back
	if err != nil {
		return fileEdit{}, false
	}
	data, err := setPair(doc)
	return fileEdit{source: source{doc, now}, data: data, undoData: undoData}, err == nil
}

// leaveBeside writes a text into a file next to the one that it was meant for, and
// returns a note that says where.
func leaveBeside(last fileEdit, text []byte) string {
	path := last.path()
	if len(text) == 0 {
		return "another program emptied " + path + " at the same moment and has written nothing yet: what it writes later is lost"
	}
	name, err := last.original.SaveDisplaced(text)
	if name == "" {
		return fmt.Sprintf("what another program wrote into %s at the same moment is lost: %v", path, err)
	}
	return "what another program wrote into " + path + " at the same moment is in " + name
}
