package credfile

import (
	"context"
	"fmt"

	"keyd/credfile/atomicfile"
)

// CheckWritable returns an error if the file could not be written.
func (a *Arrangement) CheckWritable() error {
	if _, err := a.source.original.CheckWritable(); err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	return nil
}

// Write makes the change. The file is replaced in one step, by the rules of a swap: an error
// that wraps atomicfile.ErrChanged says that another program wrote it first, and nothing was
// done. note says where the text is that another program wrote at that moment and that is in
// no file now; "" if there is none.
//
// A file that no rename can replace is refused: bytes move, so a power failure in the middle
// of a write in place could lose the key.
func (a *Arrangement) Write(ctx context.Context) (note string, err error) {
	way, err := a.source.original.CheckWritable()
	if err != nil {
		return "", fmt.Errorf("credfile: %w", err)
	}
	if way != atomicfile.Renamed {
		return "", a.refuseInPlace().wrap()
	}
	w, err := a.source.original.Replace(ctx, a.data)
	if err != nil {
		return "", fmt.Errorf("credfile: %w", err)
	}
	if w.Stray == nil {
		return "", nil
	}
	name, err := a.source.original.SaveDisplaced(w.Stray)
	if err != nil {
		return "", fmt.Errorf("credfile: %w", err)
	}
	return "another program wrote " + a.Path + " at the same moment: its text is in " + name + "; put back what is missing, then remove it", nil
}

func (a *Arrangement) refuseInPlace() *Refusal {
	return &Refusal{a.Path, 0, "the file can only be written in place, where a power failure could lose the key: it was left as it is", "make the change by hand, after a copy"}
}
