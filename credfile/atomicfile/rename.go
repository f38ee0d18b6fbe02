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

// unrenamable is an error that leaves the way in place.
type unrenamable struct{ err error }

func (u *unrenamable) Error() string { return u.err.Error() }
func (u *unrenamable) Unwrap() error { return u.err }

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

// How long a program that has the file open for writing is waited for before
// the bytes alone decide.
const writerLimit = 250 * time.Millisecond

// quiet waits until nobody has the file open for writing, for a while.
func (o *Original) quiet(ctx context.Context, f File) error {
	for waited := time.Duration(0); waited < writerLimit && f.BeingWritten(); waited += firstWait {
		if err := sleep(ctx, firstWait); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fresh is the new file, before anybody else has seen it.
type fresh struct {
	info Info
	data []byte
}

// exchange gives the new file the name of the target and the other way round,
// and then looks at what came out: what stood there in the very instant of the
// exchange. When that is not the original it goes back, and the error is
// ErrChanged.
//
// Not guaranteed: that a process which is killed between the exchange and the
// look, microseconds later, has given back what came out. The next Sweep
// removes it as it removes the original. The same goes for what a further
// program writes into the new file in those microseconds, when the process is
// killed while that is watched, for 25 ms and more.
func (o *Original) exchange(ctx context.Context, old File, temp string, ours fresh) error {
	err := o.sys.Exchange(temp, o.Real)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed the target
		return ErrChanged
	}
	if err != nil {
		return busy(err)
	}
	out, err := o.sys.Lstat(temp)
	if err == nil && out.ID == o.Info.ID {
		err = o.holds(old)
	} else if err == nil {
		err = ErrChanged
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // some FUSE file systems rename instead
		return nil
	}
	return o.giveBack(ctx, temp, out, ours, err)
}

// mostExchanges bounds how often other programs may be met on the way back.
const mostExchanges = 8

// giveBack puts the file out, which another program put at the target and which
// now has the temporary name, back. It returns cause, ErrChanged or why nobody
// knows what out is, when the new file has the temporary name again.
//
// Meanwhile a further program may have replaced the new file or written into
// it, and so on. What comes out of the target is then the newest text, and goes
// back in turn: the last one to write has the name, as without keyd. The text
// before it is kept beside, because its writer may not have seen it.
func (o *Original) giveBack(ctx context.Context, temp string, out Info, ours fresh, cause error) error {
	at := ours.info // what should come out of the target, having been put there
	for n := range mostExchanges {
		if err := o.sys.Exchange(temp, o.Real); err != nil {
			way := Nowhere
			if n == 0 && !errors.Is(err, fs.ErrNotExist) {
				way = Renamed
			}
			return o.keep(temp, way, cause, err)
		}
		put := out
		var err error
		out, err = o.sys.Lstat(temp)
		if err == nil && n == 0 && out.ID == ours.info.ID {
			touched, failed := o.touched(ctx, temp, ours)
			if failed != nil { // then what it looks like must do
				touched = !out.unmoved(ours.info)
			}
			if !touched {
				return errors.Join(cause, failed, o.sys.SyncDir(filepath.Dir(o.Real)))
			}
			out, err = o.sys.Lstat(temp)
		}
		if err != nil || n > 0 && out.unmoved(at) {
			return o.keep(temp, Nowhere, cause, err)
		}
		at = put
	}
	return o.keep(temp, Nowhere, cause, nil)
}

// touched reports whether another program has written into the new file while
// it had the target's name, or is about to.
func (o *Original) touched(ctx context.Context, temp string, ours fresh) (bool, error) {
	f, err := o.sys.OpenFile(temp, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, _ := written(ctx, f, ours.info, ours.data)
	return text != nil, nil
}
