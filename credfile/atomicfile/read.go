package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// MaxSize is the size in bytes of the largest file that is read: 4 MiB. The largest
// credentials file in the tests of AWS tools has 2,000 profiles and 300 kB.
const MaxSize = 4 << 20

const (
	firstWait = 5 * time.Millisecond
	lastWait  = 5 * time.Second

	// settleTime is how long ago a file must have been written before Read accepts
	// its bytes: the clock of file systems ticks every 1 to 10 ms, and a program that
	// has truncated a file writes it within a millisecond.
	settleTime = 10 * time.Millisecond

	// emptyAge is how long ago an empty file must have been written before Read
	// accepts that it is empty.
	emptyAge = time.Minute
	// clocksDiffer is how far in the future the time of an empty file may be: clocks of two
	// machines differ by less. A time further ahead says nothing: this machine's clock
	// may have been set back. Read then watches the file for as long as it waits for
	// any other, and accepts that it is empty.
	clocksDiffer = time.Hour
)

// Original is a file as Read found it. Its methods replace exactly those bytes and
// return ErrChanged when the file holds other ones by now.
type Original struct {
	Path string // as passed to Read
	Real string // absolute and free of symbolic links
	Data []byte // must not be modified
	Info Info

	sys Sys
}

// Read returns a regular file of at most MaxSize bytes once it is stable. A stable file
// has the same size, time and identity before and after the reading, was not written just
// now, and is not empty, because a program that truncates and then writes shows an empty
// or short file in between. An empty file older than a minute is stable as well. Read
// tries again after 5 ms, 10 ms, ... 5 s, and then returns ErrBusy, or an empty file whose
// time is more than an hour ahead of the clock.
//
// Read does not recognize a short file whose writer pauses: the caller checks that the
// file holds what it expects.
//
// The error wraps fs.ErrNotExist when the file does not exist. A loop of links, a
// dangling link, a directory, a FIFO, a device and a file that is too large are *Refused
// at once.
func Read(ctx context.Context, sys Sys, path string) (*Original, error) {
	for wait := firstWait; ; wait *= 2 {
		last := wait > lastWait
		o, err := readOnce(sys, path, last)
		if err != nil || o != nil {
			return o, err
		}
		if last {
			return nil, fmt.Errorf("read %s: %w", path, busyOf(sys, path))
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
}

// busyOf returns ErrBusy, or errEmpty for a file that stays empty.
func busyOf(sys Sys, path string) error {
	real, err := Resolve(sys, path)
	if err != nil {
		return ErrBusy
	}
	if info, err := sys.Lstat(real); err != nil || info.Size > 0 {
		return ErrBusy
	}
	return errEmpty
}

// readOnce reads the file. It returns nil and no error when the file is not stable. watched
// says that Read has waited for as long as it ever does.
func readOnce(sys Sys, path string, watched bool) (*Original, error) {
	real, err := Resolve(sys, path)
	if err != nil {
		return nil, err
	}
	info, err := sys.Lstat(real)
	if err != nil {
		return nil, err
	}
	if err := checkReadable(path, info); err != nil { // before the file is opened, because opening a device may trigger it
		return nil, err
	}
	f, err := sys.OpenFile(real, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkReadable(path, before); err != nil {
		return nil, err
	}
	data, err := readContents(f, before.Size)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !before.sameState(after) || int64(len(data)) != after.Size || !isSettled(after, time.Now(), watched) {
		return nil, nil
	}
	after.Mount = info.Mount // Stat of an open file does not report it
	return &Original{Path: path, Real: real, Data: data, Info: after, sys: sys}, nil
}

// checkReadable refuses what is not a regular file, and a file that is too large.
func checkReadable(path string, info Info) error {
	if !info.Mode.IsRegular() {
		return &Refused{Path: path, Why: "is not a regular file", Remedy: "put a file in its place, or point AWS_SHARED_CREDENTIALS_FILE elsewhere"}
	}
	if info.Size > MaxSize {
		return &Refused{Path: path, Why: fmt.Sprintf("has %d bytes, more than the %d that keyd reads", info.Size, MaxSize),
			Remedy: "name the right file"}
	}
	return nil
}

// isSettled reports whether a file with this time and size counts as completely written
// at now. A time in the future does not make Read wait, because clocks differ.
func isSettled(info Info, now time.Time, watched bool) bool {
	age := now.Sub(info.ModTime)
	if info.Size == 0 {
		return age > emptyAge || watched && age < -clocksDiffer
	}
	return age < 0 || age >= settleTime
}

// readContents reads a file that should have size bytes. From a longer file it reads one
// byte more, which shows the caller that the file is a different one.
func readContents(f File, size int64) ([]byte, error) {
	data := make([]byte, size+1)
	n, err := f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}

// checkBytes returns ErrChanged unless the open file is the original, byte for byte.
func (o *Original) checkBytes(f File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := readContents(f, int64(len(o.Data)))
	if err != nil {
		return err
	}
	if info.ID != o.Info.ID || !bytes.Equal(data, o.Data) {
		return ErrChanged
	}
	return nil
}

// wrapPath adds the path of the file to err, unless err is a *Refused, which has it.
func (o *Original) wrapPath(what string, err error) error {
	if _, ok := errors.AsType[*Refused](err); ok {
		return err
	}
	return fmt.Errorf("%s %s: %w", what, o.Path, err)
}

// openTarget opens the file to which the path leads now. It returns ErrChanged when the
// path leads to another name or to no file.
func (o *Original) openTarget(flag int) (File, error) {
	real, err := Resolve(o.sys, o.Path)
	_, dangles := errors.AsType[*Refused](err)
	if dangles || errors.Is(err, fs.ErrNotExist) || err == nil && real != o.Real {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, err
	}
	f, err := o.sys.OpenFile(real, flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrChanged
	}
	return f, err
}

// sleep waits for d, or returns the cause when ctx is done before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
