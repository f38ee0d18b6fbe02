package credfile

import (
	"bytes"
	"context"

	"keyd/credfile/atomicfile"
)

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
