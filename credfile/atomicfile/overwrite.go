package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// overwrite writes data over the original without a new file. The one write
// covers the bytes that differ: with equal lengths it allocates nothing on
// most file systems, so that a full disk cannot tear it, and a reader sees old
// or new unless the span crosses a page.
func (o *Original) overwrite(ctx context.Context, data []byte, undo undoing) (Written, error) {
	if err := ctx.Err(); err != nil {
		return Written{}, err
	}
	f, err := o.open(os.O_RDWR)
	if err != nil {
		return Written{}, o.unwritable(err)
	}
	defer f.Close()
	if err := o.holds(f); err != nil {
		return Written{}, err
	}
	if err := o.patch(f, data); err != nil {
		return undo(f, data, err)
	}
	after, err := contents(f, int64(len(data)))
	if err == nil && !bytes.Equal(after, data) { // another program wrote at the same time
		err = ErrChanged
	}
	return Written{Way: InPlace}, err
}

// patch turns the original bytes into data.
func (o *Original) patch(f File, data []byte) error {
	if bytes.Equal(o.Data, data) {
		return nil
	}
	start, end := differing(o.Data, data)
	if _, err := f.WriteAt(data[start:end], int64(start)); err != nil {
		return err
	}
	if len(data) < len(o.Data) {
		if err := f.Truncate(int64(len(data))); err != nil {
			return err
		}
	}
	return f.Sync()
}

// restore puts the original bytes back after a failed patch.
func (o *Original) restore(f File, data []byte, cause error) (Written, error) {
	start, _ := differing(o.Data, data)
	_, err := f.WriteAt(o.Data[start:], int64(start))
	if err == nil {
		err = f.Truncate(int64(len(o.Data)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return Written{Way: InPlace}, fmt.Errorf("%w; and the old bytes could not be put back: %w", cause, err)
	}
	return Written{}, fmt.Errorf("%w; the old bytes were put back", cause)
}

// restoreParts restores unless all of data was written.
func (o *Original) restoreParts(f File, data []byte, cause error) (Written, error) {
	if now, err := contents(f, int64(len(data))); err == nil && bytes.Equal(now, data) {
		return Written{Way: InPlace}, fmt.Errorf("%w; it is written, but may not survive a power failure", cause)
	}
	return o.restore(f, data, cause)
}

// differing returns the range of b that a reader of a must be given: from the
// first byte that differs to the last, or to the end when the lengths differ.
func differing(a, b []byte) (start, end int) {
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end = len(b)
	if len(a) == len(b) {
		for end > start && a[end-1] == b[end-1] {
			end--
		}
	}
	return start, end
}

// unwritable says why a file cannot even be written in place.
func (o *Original) unwritable(err error) error {
	switch {
	case errors.Is(err, ErrChanged):
		return err
	case errors.Is(err, syscall.EAGAIN): // somebody holds a lease on it, for moments
		return ErrBusy
	case errors.Is(err, syscall.EROFS):
		return &Refused{Path: o.Path, Err: err, Why: "stands on a read-only file system",
			Remedy: "let it be a file that you can write: a link into a Nix store or a read-only mount cannot hold a key that changes"}
	case errors.Is(err, syscall.EPERM):
		return &Refused{Path: o.Path, Err: err, Why: "is immutable", Remedy: "run chattr -i, or chflags nouchg, on " + o.Real}
	case forbidden(err):
		return &Refused{Path: o.Path, Err: err, Why: "can be written neither through its directory nor itself",
			Remedy: "run chmod u+w on it or its directory"}
	}
	return err
}
