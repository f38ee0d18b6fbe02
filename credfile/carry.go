package credfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"keyd/credfile/atomicfile"
)

// carry writes what another program wrote into the file that wrote has just
// replaced (w.Stray) into the new file, after turn has put the right pair into
// it, and returns the edits. What cannot be carried stays beside the file: a part
// of a text, one that is no credentials file, or one that came while a third
// program wrote the new file.
func (sw *swap) carry(ctx context.Context, wrote edit, w atomicfile.Written, turn func(*File) ([]byte, error)) ([]edit, error) {
	var carried []edit
	for tries := 0; w.Stray != nil && !w.Unfinished && tries < swapTries; tries++ {
		next, ok := sw.onto(ctx, wrote, w.Stray, turn)
		if !ok {
			break
		}
		written, err := next.original.Replace(ctx, next.data)
		if written.Way == atomicfile.Nowhere {
			sw.noteOf(err)
			break
		}
		carried = append(carried, next)
		if err != nil {
			return carried, fmt.Errorf("credfile: %w", err)
		}
		wrote, w = next, written
	}
	if w.Stray != nil {
		sw.swapped.Notes = append(sw.swapped.Notes, keep(wrote, w.Stray))
	}
	return carried, nil
}

// noteOf notes why a text could not be carried: the error may say where that of a
// third program is.
func (sw *swap) noteOf(err error) {
	if !errors.Is(err, atomicfile.ErrChanged) {
		sw.swapped.Notes = append(sw.swapped.Notes, err.Error())
	}
}

// onto returns the edit that puts stray in the place of what wrote has written,
// if that is still there.
func (sw *swap) onto(ctx context.Context, wrote edit, stray []byte, turn func(*File) ([]byte, error)) (edit, bool) {
	now, err := atomicfile.Read(ctx, sw.store.sys(), wrote.file.Path)
	if err != nil || len(stray) == 0 || !bytes.Equal(now.Data, wrote.data) {
		return edit{}, false
	}
	file := Lex(wrote.file.Path, wrote.file.Kind, stray)
	if file.Err() != nil && wrote.file.Err() == nil {
		return edit{}, false
	}
	was, _, err := file.Mend(sw.old, sw.next) // nobody wants the halves back
	if err != nil {
		return edit{}, false
	}
	data, err := turn(file)
	return edit{source: source{file, now}, data: data, was: was}, err == nil
}

// keep leaves a text beside the file that it was meant for, and says where.
func keep(wrote edit, text []byte) string {
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
