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
		if !bytes.Equal(now.Data, e.data) { // somebody wrote since, or the write was cut short: take back the pair alone
			data, err = sw.without(Lex(e.file.Path, e.file.Kind, now.Data))
			if err != nil || bytes.Equal(data, now.Data) {
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
	return fmt.Errorf("gave up after %d attempts: %w", swapTries, atomicfile.ErrChanged)
}

// without returns the file with the old pair in the place of the new one, and of
// what is half of each.
func (sw *swap) without(f *File) ([]byte, error) {
	data, _, err := f.Mend(sw.next, sw.old)
	if err != nil {
		return nil, err
	}
	if f = Lex(f.Path, f.Kind, data); f.Holds(sw.next.ID) {
		data, _, err = f.Replace(sw.next, sw.old)
	}
	return data, err
}
