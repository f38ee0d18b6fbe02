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

// replaceByRename writes data into a new file and gives it the name of the target.
// The error is a *noRenameError when the file can only be replaced in place.
func (o *Original) replaceByRename(ctx context.Context, data []byte) (w Written, err error) {
	old, err := o.openTarget(0)
	if err != nil {
		return Written{}, err
	}
	defer func() { old.Close() }()
	name, err := writeTemp(o.sys, o.Real, data, 0o600)
	if isForbidden(err) {
		return Written{}, &noRenameError{err}
	}
	if err != nil {
		return Written{}, err
	}
	exchanged, err := o.commitTemp(ctx, old, name, data)
	if d, ok := errors.AsType[*displacedError](err); ok {
		return Written{Way: d.way}, err
	}
	if err != nil {
		return Written{}, errors.Join(err, o.sys.Remove(name))
	}
	err = o.sys.SyncDir(filepath.Dir(o.Real))
	if exchanged {
		_ = o.sys.Remove(name) // the old file; if this fails, Sweep removes it
	}
	w = Written{Way: Renamed}
	if err != nil {
		return w, fmt.Errorf("%w; it is written, but may not survive a power failure", err)
	}
	w.Stray, w.Unfinished = o.watchStray(ctx, old)
	return w, nil
}

// noRenameError means that no rename can replace the file. Replacing it in place may
// still work.
type noRenameError struct{ err error }

func (n *noRenameError) Error() string { return n.err.Error() }
func (n *noRenameError) Unwrap() error { return n.err }

// wrapBusy turns EBUSY, with which the system refuses to rename over a mounted file,
// into a *noRenameError. It returns every other error as it is.
func wrapBusy(err error) error {
	if errors.Is(err, syscall.EBUSY) {
		return &noRenameError{err}
	}
	return err
}

// commitTemp examines the target once more, after the slow part is done, and gives
// its name to the new file. Until now the new file was private; now it gets the
// rights of the old file and never more. After an exchange the old file has the
// temporary name. After an error other than *displacedError the new file still has
// the temporary name.
func (o *Original) commitTemp(ctx context.Context, old File, temp string, data []byte) (exchanged bool, err error) {
	if err := o.waitForWriters(ctx, old); err != nil {
		return false, err
	}
	info, err := o.finishTemp(old, temp)
	if isForbidden(err) {
		return false, &noRenameError{err}
	}
	if err != nil {
		return false, err
	}
	f, err := o.openTarget(0)
	if err != nil {
		return false, err
	}
	err = o.checkBytes(f)
	f.Close()
	if err != nil {
		return false, err
	}
	if !renameSparesOpenFiles {
		old.Close()
	}
	err = o.exchangeTarget(ctx, old, temp, newFile{info, data})
	if errors.Is(err, ErrNoExchange) { // rename right away: microseconds have passed since checkBytes
		return false, wrapBusy(o.sys.Rename(temp, o.Real))
	}
	return err == nil, err
}

// finishTemp gives the temporary file the owner, mode and attributes of the old file,
// and describes it.
func (o *Original) finishTemp(old File, temp string) (Info, error) {
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

// writerLimit is the time for which waitForWriters waits. After that the bytes alone
// decide whether the file has changed.
const writerLimit = 250 * time.Millisecond

// waitForWriters waits until no program has the file open for writing, but not longer
// than writerLimit.
func (o *Original) waitForWriters(ctx context.Context, f File) error {
	for waited := time.Duration(0); waited < writerLimit && f.BeingWritten(); waited += firstWait {
		if err := sleep(ctx, firstWait); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// newFile describes the new file as keyd wrote it, before other programs saw it.
type newFile struct {
	info Info
	data []byte
}

// An exchange of names, and what follows when another program meets it. "ours" is
// keyd's new file; "first", "second" and so on are the texts of other programs in the
// order in which they were written.
//
//	target     temporary name
//	--------   --------------
//	original   ours
//	   |       exchangeTarget
//	ours       original          done: the caller removes the original
//	ours       first             another program put first there before the exchange
//	   |       giveBack, first exchange
//	first      ours              given back: ErrChanged, the caller removes ours
//	first      second            meanwhile a further program replaced ours with second,
//	   |                         or wrote second into it
//	   |       giveBack, second exchange
//	second     first             the newest text has the name: setAside(first)
//	second     third             and so on, at most maxExchanges times, then setAside
//
// An exchange that fails on the way back ends in setAside of the text that then has
// the temporary name. setAside returns a *displacedError, which names the file in
// which that text was saved.

// exchangeTarget exchanges the names of the new file and the target, and then examines
// the file that came out, which is the one that had the name at the very instant of the
// exchange. When that file is not the original, exchangeTarget gives it back, and the
// error is ErrChanged.
//
// Two things are not guaranteed when the process is killed. A kill between the exchange
// and the examination, microseconds later, leaves the file that came out under its
// temporary name, and the next Sweep removes it as it would remove the original. The
// same happens to a text that a further program writes into the new file in those
// microseconds when the kill comes while that file is being watched, which takes 25 ms
// or more.
func (o *Original) exchangeTarget(ctx context.Context, old File, temp string, ours newFile) error {
	err := o.sys.Exchange(temp, o.Real)
	if errors.Is(err, fs.ErrNotExist) { // another program has removed the target
		return ErrChanged
	}
	if err != nil {
		return wrapBusy(err)
	}
	out, err := o.sys.Lstat(temp)
	if err == nil && out.ID == o.Info.ID {
		err = o.checkBytes(old)
	} else if err == nil {
		err = ErrChanged
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // some FUSE file systems rename instead of exchanging
		return nil
	}
	return o.giveBack(ctx, temp, out, ours, err)
}

// maxExchanges limits how often giveBack exchanges names.
const maxExchanges = 8

// giveBack gives its name back to the file out, which another program put at the target
// and which now has the temporary name. When the new file has the temporary name again
// giveBack returns cause, which is ErrChanged or the reason why out could not be
// examined.
//
// A further program may meanwhile have replaced the new file or written into it, and so
// on. The file that comes out of the target then has the newest text, and is given back
// in turn: the program that wrote last has the name, as it would without keyd. The text
// before it is set aside, because the last program may not have seen that text.
func (o *Original) giveBack(ctx context.Context, temp string, out Info, ours newFile, cause error) error {
	at := ours.info // the file that keyd put at the target, which should come out of it
	for n := range maxExchanges {
		if err := o.sys.Exchange(temp, o.Real); err != nil {
			way := NotWritten
			if n == 0 && !errors.Is(err, fs.ErrNotExist) {
				way = Renamed
			}
			return o.setAside(temp, way, cause, err)
		}
		put := out
		var err error
		out, err = o.sys.Lstat(temp)
		if err == nil && n == 0 && out.ID == ours.info.ID {
			changed, failed := o.wasWrittenTo(ctx, temp, ours)
			if failed != nil { // the bytes cannot be read: size and time decide
				changed = !out.sameState(ours.info)
			}
			if !changed {
				return errors.Join(cause, failed, o.sys.SyncDir(filepath.Dir(o.Real)))
			}
			out, err = o.sys.Lstat(temp)
		}
		if err != nil || n > 0 && out.sameState(at) {
			return o.setAside(temp, NotWritten, cause, err)
		}
		at = put
	}
	return o.setAside(temp, NotWritten, cause, nil)
}

// wasWrittenTo reports whether another program has written into the new file while it
// had the name of the target, or still has it open for writing.
func (o *Original) wasWrittenTo(ctx context.Context, temp string, ours newFile) (bool, error) {
	f, err := o.sys.OpenFile(temp, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, _ := watchWriters(ctx, f, ours.info, ours.data)
	return text != nil, nil
}
