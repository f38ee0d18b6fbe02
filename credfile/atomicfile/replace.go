package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	// where putting the old ones back failed too: the error says which.
	Way Way
	// Stray is what another program, which had opened the file before the
	// rename, wrote into it afterwards: bytes that no name leads to. Its
	// change is lost unless the caller carries it over. Nil when there is no
	// such program; empty when it had emptied the file and not written it
	// after 2 s.
	Stray []byte
}

const (
	// How long the replaced file is watched. A program that opened it before
	// the rename has truncated it by then.
	strayWatch = 25 * time.Millisecond
	// How long its writer gets to finish.
	strayLimit = 2 * time.Second
	// How long a program that has the file open for writing is waited for
	// before the bytes alone decide.
	writerLimit = 250 * time.Millisecond
)

// Replace puts data in the place of the original. Mode, owner, extended
// attributes and symbolic links stay.
//
// The error is ErrChanged when the file, its identity or where its path leads
// is no longer what was read, and *Refused when it cannot be written at all.
// After any other error with Written.Way == Nowhere the file has its old bytes.
//
// When the file is written in place and the lengths differ, a crash may leave
// a mixture: the caller keeps old and new bytes until this returns. With equal
// lengths it is one write of the bytes that differ.
func (o *Original) Replace(ctx context.Context, data []byte) (Written, error) {
	w, err := o.replace(ctx, data)
	if err != nil {
		return w, o.about("replace", err)
	}
	return w, nil
}

func (o *Original) replace(ctx context.Context, data []byte) (Written, error) {
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
		return o.overwrite(ctx, data)
	}
	w, err := o.rename(ctx, data)
	if _, ok := errors.AsType[*unrenamable](err); ok {
		return o.overwrite(ctx, data)
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
	if err := o.commit(ctx, old, name); err != nil {
		return Written{}, errors.Join(err, o.sys.Remove(name))
	}
	w = Written{Way: Renamed}
	if err := o.sys.SyncDir(filepath.Dir(o.Real)); err != nil {
		return w, fmt.Errorf("%w; it is written, but may not survive a power failure", err)
	}
	w.Stray = o.stray(ctx, old)
	return w, nil
}

// commit looks at the target once more, after the slow part is done, and
// renames. Between the look and the rename there are microseconds. The new
// file is private until here, and then no wider than the old one.
func (o *Original) commit(ctx context.Context, old File, temp string) error {
	if err := o.quiet(ctx, old); err != nil {
		return err
	}
	if err := o.dress(old, temp); forbidden(err) {
		return &unrenamable{err}
	} else if err != nil {
		return err
	}
	f, err := o.open(0)
	if err != nil {
		return err
	}
	err = o.holds(f)
	f.Close()
	if err != nil {
		return err
	}
	if !renameSparesOpenFiles {
		old.Close()
	}
	err = o.sys.Rename(temp, o.Real)
	if errors.Is(err, syscall.EBUSY) {
		return &unrenamable{err}
	}
	return err
}

// dress gives the temporary file the owner, mode and attributes of the old one.
func (o *Original) dress(old File, temp string) error {
	f, err := o.sys.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = o.sys.CopyMeta(old, f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
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

// stray watches the replaced file and returns what was written into it, once
// its writer has finished.
func (o *Original) stray(ctx context.Context, old File) []byte {
	if !renameSparesOpenFiles {
		return nil
	}
	was, still := o.Info, time.Duration(0)
	for waited := time.Duration(0); waited < strayLimit; waited += firstWait {
		info, err := old.Stat()
		if err != nil {
			return nil
		}
		switch {
		case !info.unmoved(was) || old.BeingWritten():
			was, still = info, 0
		case still >= strayWatch && info.Size > 0:
			waited = strayLimit
		default:
			still += firstWait
		}
		if sleep(ctx, firstWait) != nil {
			break
		}
	}
	data, err := io.ReadAll(io.NewSectionReader(old, 0, MaxSize+1))
	if err != nil || bytes.Equal(data, o.Data) {
		return nil
	}
	return append([]byte{}, data...)
}
