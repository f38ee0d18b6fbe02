// Package atomicfile is the seam between keyd and the file system: the stable
// read and the atomic, durable replacement of a file whose loss would lock its
// owner out. The same few calls write keyd's own state.
//
// A replacement is a temporary file in the same directory, synced, renamed
// over the target, and the directory synced. Where no rename is possible (a
// mounted file, a directory without write permission, hard links) the file is
// overwritten in place, which is not atomic: a reader may see a mixture for
// microseconds, and a machine that loses power in that moment may keep it. With
// bytes of equal length each byte of it is the old one or the new one in that
// place, so that whoever has both can tell and mend it (credfile.Key.Mixes).
//
// No lock of any kind protects the target, because no other program that
// writes it takes one. What is guaranteed instead: a change that another
// program made before the new file took the name is seen (ErrChanged), and one
// that it was still making then is handed back (Written.Stray).
//
// A rename cannot promise the first of these: no system call compares and
// renames, so that a file which another program puts there in the microseconds
// between the last look and the rename would be gone. Where the system can
// exchange two names in one step (Sys.Exchange) the new file and the target are
// exchanged, what stood there in that very instant is looked at afterwards, and
// given back when it is not what was read. Where it cannot (Windows, NFS and
// other network file systems, HFS+), and in place, those microseconds remain.
package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Write replaces or creates one of keyd's own files, atomically and durably.
// After an error the file holds the old bytes or, when only the last sync
// failed, the new ones that a power failure may still take back. The directory
// must exist; a symbolic link at path is replaced by the file.
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

// Way is how a file is written.
type Way uint8

const (
	// Nowhere: nothing was written.
	Nowhere Way = iota
	// Renamed: a new file took the name. Readers see old or new.
	Renamed
	// InPlace: the old file was overwritten. Readers may see a mixture for
	// microseconds when the change crosses a page of memory (4 KiB).
	InPlace
)

// String returns the way as a person reads it.
func (w Way) String() string {
	return [...]string{"not written", "renamed", "in place"}[w]
}

// Written is what became of a replacement.
type Written struct {
	// Way is not Nowhere when bytes were written. With an error they are the
	// new bytes, which a power failure may take back, or, in place, a mixture
	// where putting the old ones back failed too: the error says which. With
	// ErrChanged, in place, another program has written at the same time, and
	// the file shows what both of them wrote.
	Way Way
	// Stray is what another program, which had opened the file before it lost
	// its name, wrote into it afterwards: bytes that no name leads to. Its
	// change is lost unless the caller carries it over, or keeps it. Nil when
	// there is no such program; empty when it had emptied the file and not
	// written it after 2 s.
	Stray []byte
	// Unfinished says that the program still had the file open for writing
	// after 2 s: Stray may be a part of what it meant to write.
	Unfinished bool
}

// Replace puts data in the place of the original. Mode, owner, extended
// attributes and symbolic links stay.
//
// The error is ErrChanged when the file, its identity or where its path leads
// is no longer what was read, also when that was seen after writing in place;
// and *Refused when it cannot be written at all.
// After any other error with Written.Way == Nowhere the file has its old bytes,
// or those of other programs that wrote it at the same moment: two of them may
// meet keyd so closely that the text of one has to be kept beside the file. The
// error then says where.
//
// When the file is written in place a power failure may leave a mixture: the
// caller keeps old and new bytes until this returns, and, when it is not sure
// that it did, until Sync has. With equal lengths it is one write of the bytes
// that differ, and only a power failure in the middle of it, or a disk that fails
// it and what was to take it back, leaves one.
func (o *Original) Replace(ctx context.Context, data []byte) (Written, error) {
	return o.replaceBy(ctx, data, o.restore)
}

// Better is Replace for data that are of more use than the original, even where a
// power failure may take them back: in place, they stay when they were written and
// only their sync has failed.
func (o *Original) Better(ctx context.Context, data []byte) (Written, error) {
	return o.replaceBy(ctx, data, o.restoreParts)
}

// replaceBy replaces, and lets undo take back a write in place that has failed.
func (o *Original) replaceBy(ctx context.Context, data []byte, undo undoing) (Written, error) {
	w, err := o.replace(ctx, data, undo)
	if err != nil {
		return w, o.about("replace", err)
	}
	return w, nil
}

// undoing puts the original bytes back after a failed patch.
type undoing func(f File, data []byte, cause error) (Written, error)

func (o *Original) replace(ctx context.Context, data []byte, undo undoing) (Written, error) {
	info, err := o.sys.Lstat(o.Real)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Written{}, ErrChanged
	case err != nil:
		return Written{}, err
	}
	if err := o.owned(info); err != nil {
		return Written{}, err
	}
	if fixed(info) || fixed(o.Info) {
		return o.overwrite(ctx, data, undo)
	}
	w, err := o.rename(ctx, data)
	if _, ok := errors.AsType[*unrenamable](err); ok {
		return o.overwrite(ctx, data, undo)
	}
	return w, err
}
