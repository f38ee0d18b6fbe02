package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replaceInPlace writes data over the original without a new file. A single write covers
// the bytes that differ. With equal lengths it allocates nothing on most file systems, so
// that a full disk cannot tear it, and a reader sees the old or the new bytes unless the
// range crosses a page of memory.
func (o *Original) replaceInPlace(ctx context.Context, data []byte, undo undoFunc) (Written, error) {
	if err := ctx.Err(); err != nil {
		return Written{}, err
	}
	if undo == nil {
		return Written{}, o.refuseInPlace()
	}
	f, err := o.openTarget(os.O_RDWR)
	if err != nil {
		return Written{}, o.explainInPlace(err)
	}
	defer f.Close()
	if err := o.checkBytes(f); err != nil {
		return Written{}, err
	}
	if err := o.writeChanges(f, data); err != nil {
		return undo(f, data, err)
	}
	after, err := readContents(f, int64(len(data)))
	if err == nil && !bytes.Equal(after, data) { // another program wrote at the same time
		err = ErrChanged
	}
	return Written{Way: InPlace}, err
}

// writeChanges turns the original bytes of the file into data and syncs it.
func (o *Original) writeChanges(f File, data []byte) error {
	if bytes.Equal(o.Data, data) {
		return nil
	}
	start, end := changedRange(o.Data, data)
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

// restoreOriginal puts the original bytes back after writeChanges has failed with cause.
func (o *Original) restoreOriginal(f File, data []byte, cause error) (Written, error) {
	start, _ := changedRange(o.Data, data)
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

// restoreUnlessWritten puts the original bytes back unless the file shows all of data.
func (o *Original) restoreUnlessWritten(f File, data []byte, cause error) (Written, error) {
	if now, err := readContents(f, int64(len(data))); err == nil && bytes.Equal(now, data) {
		return Written{Way: InPlace}, fmt.Errorf("%w; it is written, but may not survive a power failure", cause)
	}
	return o.restoreOriginal(f, data, cause)
}

// changedRange returns the range of b that has to be written over a: from the first byte
// that differs to the last, or to the end of b when the lengths differ.
func changedRange(a, b []byte) (start, end int) {
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

// Sync makes the bytes and the name of the file durable, even when another process wrote
// the file.
//
// Sync first rewrites a file that can only be written in place, with the bytes that it
// shows. After a sync has failed, systems treat those bytes as written, and the next sync
// reports no error. The error is ErrChanged when the bytes are no longer the ones that
// were read. A power failure during Sync may leave a mixture, as in Replace.
func (o *Original) Sync() error {
	if err := o.syncFile(); err != nil {
		return o.wrapPath("sync", err)
	}
	return nil
}

func (o *Original) syncFile() error {
	inPlace, err := o.needsInPlace()
	if err != nil {
		return err
	}
	flag := os.O_RDONLY
	if inPlace {
		flag = os.O_RDWR
	}
	f, err := o.openTarget(flag)
	if err != nil && inPlace {
		err = o.explainInPlace(err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if inPlace {
		err = o.rewriteBytes(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = o.sys.SyncDir(filepath.Dir(o.Real))
	}
	return err
}

// rewriteBytes writes the bytes of the file over themselves, and returns ErrChanged when
// another program wrote at the same time.
func (o *Original) rewriteBytes(f File) error {
	if err := o.checkBytes(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(o.Data, 0); err != nil {
		return err
	}
	return o.checkBytes(f)
}

// needsInPlace reports whether the file can only be written in place, because no rename
// can replace it.
func (o *Original) needsInPlace() (bool, error) {
	if cannotRename(o.Info) {
		return true, nil
	}
	f, name, err := createTemp(o.sys, o.Real)
	if isForbidden(err) {
		return true, nil
	}
	if err != nil {
		return false, nameFolder(err, name)
	}
	return false, errors.Join(f.Close(), o.sys.Remove(name))
}
