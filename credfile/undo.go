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

// undoLimit bounds the time for putting files back, which a cancelled context
// does not cut short.
const undoLimit = 15 * time.Second

// NotUndone says that a swap has failed and that a file may show the new key
// nevertheless, because putting the old one back failed, too.
type NotUndone struct {
	Path string
	Key  string // the short form of the new key
	Err  error
}

func (n *NotUndone) Error() string {
	return fmt.Sprintf("credfile: %s may still show the new key %s: %v", n.Path, n.Key, n.Err)
}

func (n *NotUndone) Unwrap() error { return n.Err }

// undo puts the old pair back into the files that were written.
func (sw *swap) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	var errs []error
	for _, e := range slices.Backward(sw.done) {
		way, err := sw.putBack(ctx, e)
		switch {
		case err != nil && way == atomicfile.Renamed: // the old pair is there
			err = fmt.Errorf("credfile: putting %s back: %w", sw.old, err)
		case err != nil:
			err = &NotUndone{e.file.Path, sw.next.String(), err}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (sw *swap) putBack(ctx context.Context, e edit) (atomicfile.Way, error) {
	var b backoff
	for range swapTries {
		now, err := atomicfile.Read(ctx, sw.store.sys(), e.file.Path)
		if err != nil {
			return atomicfile.Nowhere, err
		}
		back := edit{source: source{e.file, now}, data: e.was}
		if !bytes.Equal(now.Data, e.data) { // somebody wrote since, or the write was cut short: take back the pair alone
			back.data, err = sw.without(Lex(e.file.Path, e.file.Kind, now.Data))
		}
		if err != nil || bytes.Equal(back.data, now.Data) {
			return atomicfile.Nowhere, err
		}
		w, err := now.Replace(ctx, back.data)
		if err == nil {
			_, err = sw.carry(ctx, back, w, sw.without)
		}
		if !errors.Is(err, atomicfile.ErrChanged) {
			return w.Way, err
		}
		if err := b.wait(ctx); err != nil {
			return atomicfile.Nowhere, err
		}
	}
	return atomicfile.Nowhere, fmt.Errorf("gave up after %d attempts: %w", swapTries, atomicfile.ErrChanged)
}

// without returns the file with the old pair in the place of the new one.
func (sw *swap) without(f *File) ([]byte, error) { return f.turned(sw.next, sw.old) }

// turned returns the file with the pair to in the place of from, and of what is
// half of each.
func (f *File) turned(from, to Key) ([]byte, error) {
	data, _, err := f.Mend(from, to)
	if err != nil {
		return nil, err
	}
	if f = Lex(f.Path, f.Kind, data); f.Holds(from.ID) {
		data, _, err = f.Replace(from, to)
	}
	return data, err
}
