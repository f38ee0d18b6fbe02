package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Sync makes what the file shows durable, its name included, also when this
// process did not write it.
//
// A file that is written in place is written again first, with the bytes that it
// shows: when a sync has failed before, systems take those bytes for written,
// and the next sync says nothing of it. ErrChanged when they are no longer those
// that were read; a power failure meanwhile may leave a mixture, as in Replace.
func (o *Original) Sync() error {
	if err := o.sync(); err != nil {
		return o.about("sync", err)
	}
	return nil
}

func (o *Original) sync() error {
	inPlace, err := o.inPlace()
	if err != nil {
		return err
	}
	flag := os.O_RDONLY
	if inPlace {
		flag = os.O_RDWR
	}
	f, err := o.open(flag)
	if err != nil && inPlace {
		err = o.unwritable(err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if inPlace {
		err = o.again(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = o.sys.SyncDir(filepath.Dir(o.Real))
	}
	return err
}

// again writes the bytes of the file over themselves, and looks whether another
// program has written at the same time.
func (o *Original) again(f File) error {
	if err := o.holds(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(o.Data, 0); err != nil {
		return err
	}
	return o.holds(f)
}

// inPlace reports whether no rename can replace the file.
func (o *Original) inPlace() (bool, error) {
	if fixed(o.Info) {
		return true, nil
	}
	f, name, err := createTemp(o.sys, o.Real)
	if forbidden(err) {
		return true, nil
	}
	if err != nil {
		return false, inFolder(err, name)
	}
	return false, errors.Join(f.Close(), o.sys.Remove(name))
}
