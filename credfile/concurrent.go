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

// maxUndoTime bounds the time for putting files back, which a cancelled context
// does not cut short.
const maxUndoTime = 15 * time.Second

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

// undoWrites puts the old pair back into the files that were written.
func (sw *pairSwap) undoWrites(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxUndoTime)
	defer cancel()
	var errs []error
	for _, e := range slices.Backward(sw.written) {
		way, err := sw.undoFile(ctx, e)
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

func (sw *pairSwap) undoFile(ctx context.Context, e fileEdit) (atomicfile.Way, error) {
	var b backoff
	for range maxSwapTries {
		now, err := atomicfile.Read(ctx, sw.store.sys(), e.file.Path)
		if err != nil {
			return atomicfile.Nowhere, err
		}
		back := fileEdit{source: source{e.file, now}, data: e.undoData}
		if !bytes.Equal(now.Data, e.data) { // somebody wrote since, or the write was cut short: take back the pair alone
			back.data, err = sw.withOld(Lex(e.file.Path, e.file.Kind, now.Data))
		}
		if err != nil || bytes.Equal(back.data, now.Data) {
			return atomicfile.Nowhere, err
		}
		w, err := now.Replace(ctx, back.data)
		if err == nil {
			_, err = sw.carryOver(ctx, back, w, sw.withOld)
		}
		if !errors.Is(err, atomicfile.ErrChanged) {
			return w.Way, err
		}
		if err := b.wait(ctx); err != nil {
			return atomicfile.Nowhere, err
		}
	}
	return atomicfile.Nowhere, fmt.Errorf("gave up after %d attempts: %w", maxSwapTries, atomicfile.ErrChanged)
}

// withOld returns the file with the old pair in the place of the new one.
func (sw *pairSwap) withOld(f *File) ([]byte, error) { return f.replaceAll(sw.next, sw.old) }

// replaceAll returns the file with the pair to in the place of from, and of what is
// half of each.
func (f *File) replaceAll(from, to Key) ([]byte, error) {
	data, _, err := f.Mend(from, to)
	if err != nil {
		return nil, err
	}
	if f = Lex(f.Path, f.Kind, data); f.Holds(from.ID) {
		data, _, err = f.Replace(from, to)
	}
	return data, err
}

// carryOver writes what another program wrote into the file that wrote has just
// replaced (w.Stray) into the new file, after turn has put the right pair into
// it, and returns the edits. What cannot be carried stays beside the file: a part
// of a text, one that is no credentials file, or one that came while a third
// program wrote the new file.
func (sw *pairSwap) carryOver(ctx context.Context, wrote fileEdit, w atomicfile.Written, turn func(*File) ([]byte, error)) ([]fileEdit, error) {
	var carried []fileEdit
	for tries := 0; w.Stray != nil && !w.Unfinished && tries < maxSwapTries; tries++ {
		next, ok := sw.prepareCarry(ctx, wrote, w.Stray, turn)
		if !ok {
			break
		}
		written, err := next.original.Replace(ctx, next.data)
		if written.Way == atomicfile.Nowhere {
			sw.noteError(err)
			break
		}
		carried = append(carried, next)
		if err != nil {
			return carried, fmt.Errorf("credfile: %w", err)
		}
		wrote, w = next, written
	}
	if w.Stray != nil {
		sw.result.Notes = append(sw.result.Notes, leaveBeside(wrote, w.Stray))
	}
	return carried, nil
}

// noteError notes why a text could not be carried: the error may say where that of a
// third program is.
func (sw *pairSwap) noteError(err error) {
	if !errors.Is(err, atomicfile.ErrChanged) {
		sw.result.Notes = append(sw.result.Notes, err.Error())
	}
}

// prepareCarry returns the edit that puts stray in the place of what wrote has written,
// if that is still there.
func (sw *pairSwap) prepareCarry(ctx context.Context, wrote fileEdit, stray []byte, turn func(*File) ([]byte, error)) (fileEdit, bool) {
	now, err := atomicfile.Read(ctx, sw.store.sys(), wrote.file.Path)
	if err != nil || len(stray) == 0 || !bytes.Equal(now.Data, wrote.data) {
		return fileEdit{}, false
	}
	file := Lex(wrote.file.Path, wrote.file.Kind, stray)
	if file.Err() != nil && wrote.file.Err() == nil {
		return fileEdit{}, false
	}
	was, _, err := file.Mend(sw.old, sw.next) // nobody wants the halves back
	if err != nil {
		return fileEdit{}, false
	}
	data, err := turn(file)
	return fileEdit{source: source{file, now}, data: data, undoData: was}, err == nil
}

// leaveBeside leaves a text beside the file that it was meant for, and says where.
func leaveBeside(wrote fileEdit, text []byte) string {
	path := wrote.file.Path
	if len(text) == 0 {
		return "another program emptied " + path + " at the same moment and did not write it: what it still writes is lost"
	}
	name, err := wrote.original.Keep(text)
	if name == "" {
		return fmt.Sprintf("what another program wrote into %s at the same moment is lost: %v", path, err)
	}
	return "what another program wrote into " + path + " at the same moment is in " + name
}
