package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Write replaces or creates one of keyd's own files, atomically and durably. After
// an error the file holds the old bytes or, when only the last sync failed, the new
// bytes, which a power failure may still take back. The directory must exist. When
// path is a symbolic link, the file replaces the link.
func Write(sys Sys, path string, data []byte, perm fs.FileMode) error {
	name, err := writeTemp(sys, path, data, perm)
	if err != nil {
		return fmt.Errorf("write %s: %w; it was left as it is", path, err)
	}
	if err := sys.Rename(name, path); err != nil {
		return fmt.Errorf("write %s: %w; it was left as it is", path, errors.Join(err, sys.Remove(name)))
	}
	if err := sys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w; it is written, but may not survive a power failure", path, err)
	}
	return nil
}

// Way is the way in which a file was or would be written.
type Way uint8

const (
	// NotWritten means that nothing was written.
	NotWritten Way = iota
	// Renamed means that a new file took the name. Readers see the old file or
	// the new one.
	Renamed
	// InPlace means that the old file was overwritten. Readers may see a mixture
	// for microseconds when the change crosses a page of memory (4 KiB).
	InPlace
)

// String returns the way in words: "not written", "renamed" or "in place".
func (w Way) String() string {
	return [...]string{"not written", "renamed", "in place"}[w]
}

// Written is the result of a replacement.
type Written struct {
	// Way is set when bytes were written, even if there is an error as well. The
	// file then shows the new bytes, which a power failure may take back, or, in
	// place, a mixture because the old bytes could not be put back either; the
	// error says which. With ErrChanged, in place, another program wrote at the
	// same time, and the file shows what both of them wrote.
	Way Way
	// Stray holds the bytes that another program wrote into the old file after
	// the file had lost its name, having opened it before. No name leads to these
	// bytes: the change is lost unless the caller carries it over or saves it.
	// Stray is nil when there was no such program. It is empty when the program
	// emptied the file and wrote nothing within 2 s.
	Stray []byte
	// Unfinished means that the program still had the file open for writing after
	// 2 s, so that Stray may be only a part of what it meant to write.
	Unfinished bool
}

// Replace replaces the bytes of the original with data. The file keeps its mode,
// owner and extended attributes, and symbolic links stay as they are.
//
// The error is ErrChanged when the bytes, the identity or the end of the path are no
// longer the ones that were read, even when that was noticed only after writing in
// place. It is *Refused when the file cannot be written at all. When nothing was
// written after any other error, the file has its old bytes, or those of other
// programs that wrote it at the same moment. Two of them may write so close to keyd
// that the text of one has to be saved next to the file; the error then says where.
//
// When the file is written in place, a power failure may leave a mixture: the caller
// must keep the old and the new bytes until Replace returns and, after an error,
// until Sync has succeeded. With equal lengths there is one write of the bytes that
// differ. A mixture then needs a power failure in the middle of that write, or a
// disk that fails both the write and its undoing.
func (o *Original) Replace(ctx context.Context, data []byte) (Written, error) {
	return o.replaceOrUndo(ctx, data, o.restoreOriginal)
}

// ReplaceKeepUnsynced is Replace for data that are worth more than the original even when a power
// failure may take them back. When a write in place succeeds and only its sync fails,
// the new bytes stay.
func (o *Original) ReplaceKeepUnsynced(ctx context.Context, data []byte) (Written, error) {
	return o.replaceOrUndo(ctx, data, o.restoreUnlessWritten)
}

// ReplaceWhole is Replace for a file that must never be seen half written. It never writes
// in place: where no rename can replace the file, the error is a *Refused.
func (o *Original) ReplaceWhole(ctx context.Context, data []byte) (Written, error) {
	return o.replaceOrUndo(ctx, data, nil)
}

// undoFunc puts the original bytes back after a write in place that has failed.
type undoFunc func(f File, data []byte, cause error) (Written, error)

// replaceOrUndo replaces the file and names it in the error. A write in place that
// fails is undone by undo; if undo is nil, the file is not written in place.
func (o *Original) replaceOrUndo(ctx context.Context, data []byte, undo undoFunc) (Written, error) {
	w, err := o.replaceFile(ctx, data, undo)
	if err != nil {
		return w, o.wrapPath("replace", err)
	}
	return w, nil
}

// replaceFile replaces the file by a rename where that is possible, and otherwise in
// place.
func (o *Original) replaceFile(ctx context.Context, data []byte, undo undoFunc) (Written, error) {
	info, err := o.sys.Lstat(o.Real)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Written{}, ErrChanged
	case err != nil:
		return Written{}, err
	}
	if err := o.checkOwner(info); err != nil {
		return Written{}, err
	}
	if cannotRename(info) || cannotRename(o.Info) {
		return o.replaceInPlace(ctx, data, undo)
	}
	w, err := o.replaceByRename(ctx, data)
	if _, ok := errors.AsType[*noRenameError](err); ok {
		return o.replaceInPlace(ctx, data, undo)
	}
	return w, err
}
