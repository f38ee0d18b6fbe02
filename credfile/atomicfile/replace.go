package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

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

// How long a program that has the file open for writing is waited for before
// the bytes alone decide.
const writerLimit = 250 * time.Millisecond

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

// fixed reports whether a rename would not replace the file but part its names.
func fixed(info Info) bool { return info.Mount || info.Links > 1 }

// unrenamable is an error that leaves the way in place.
type unrenamable struct{ err error }

func (u *unrenamable) Error() string { return u.err.Error() }
func (u *unrenamable) Unwrap() error { return u.err }

// forbidden reports whether err says that the directory takes no new file.
func forbidden(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func (o *Original) rename(ctx context.Context, data []byte) (w Written, err error) {
	old, err := o.open(0)
	if err != nil {
		return Written{}, err
	}
	defer func() { old.Close() }()
	name, err := writeTemp(o.sys, o.Real, data, 0o600)
	if forbidden(err) {
		return Written{}, &unrenamable{err}
	}
	if err != nil {
		return Written{}, err
	}
	exchanged, err := o.commit(ctx, old, name, data)
	if d, ok := errors.AsType[*displaced](err); ok {
		return Written{Way: d.way}, err
	}
	if err != nil {
		return Written{}, errors.Join(err, o.sys.Remove(name))
	}
	err = o.sys.SyncDir(filepath.Dir(o.Real))
	if exchanged {
		_ = o.sys.Remove(name) // the old file; else Sweep does it
	}
	w = Written{Way: Renamed}
	if err != nil {
		return w, fmt.Errorf("%w; it is written, but may not survive a power failure", err)
	}
	w.Stray, w.Unfinished = o.stray(ctx, old)
	return w, nil
}

// commit looks at the target once more, after the slow part is done, and puts
// the new file there. The new file is private until here, and then no wider
// than the old one. The old one has the temporary name afterwards when the
// names were exchanged; after an error that is no *displaced the new one has it.
func (o *Original) commit(ctx context.Context, old File, temp string, data []byte) (exchanged bool, err error) {
	if err := o.quiet(ctx, old); err != nil {
		return false, err
	}
	dressed, err := o.dress(old, temp)
	if forbidden(err) {
		return false, &unrenamable{err}
	}
	if err != nil {
		return false, err
	}
	f, err := o.open(0)
	if err != nil {
		return false, err
	}
	err = o.holds(f)
	f.Close()
	if err != nil {
		return false, err
	}
	if !renameSparesOpenFiles {
		old.Close()
	}
	err = o.exchange(ctx, old, temp, fresh{dressed, data})
	if errors.Is(err, ErrNoExchange) { // so that microseconds remain since the look
		return false, busy(o.sys.Rename(temp, o.Real))
	}
	return err == nil, err
}

// busy tells a mounted file, which no other takes the place of, from what is
// wrong otherwise.
func busy(err error) error {
	if errors.Is(err, syscall.EBUSY) {
		return &unrenamable{err}
	}
	return err
}

// dress gives the temporary file the owner, mode and attributes of the old one,
// and describes it.
func (o *Original) dress(old File, temp string) (Info, error) {
	f, err := o.sys.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return Info{}, err
	}
	var info Info
	err = o.sys.CopyMeta(old, f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		info, err = f.Stat()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return info, err
}

// quiet waits until nobody has the file open for writing, for a while.
func (o *Original) quiet(ctx context.Context, f File) error {
	for waited := time.Duration(0); waited < writerLimit && f.BeingWritten(); waited += firstWait {
		if err := sleep(ctx, firstWait); err != nil {
			return err
		}
	}
	return ctx.Err()
}
