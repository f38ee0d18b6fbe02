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

// MaxSize is the size in bytes of the largest file that is read: 4 MiB. The
// largest credentials file that tests of AWS tools use has 2,000 profiles and
// 300 kB.
const MaxSize = 4 << 20

const (
	firstWait = 5 * time.Millisecond
	lastWait  = 5 * time.Second

	// A file is believed when it was not written for this long, because the
	// clock of file systems ticks every 1 to 10 ms and a writer that has
	// truncated the file writes it within a millisecond.
	settled = 10 * time.Millisecond

	// An empty file that nobody touched for this long is meant to be empty.
	emptyAge = time.Minute
)

// Original is a file as it was read, and the right to replace those bytes.
type Original struct {
	Path string // as asked for
	Real string // absolute, free of symbolic links
	Data []byte // must not be changed
	Info Info

	sys Sys
}

// Read returns the bytes of a regular file of at most MaxSize bytes, once they
// hold still: same size, time and identity before and after, not written just
// now, and not empty, since a program that truncates and writes shows an empty
// or short file in between. It looks again after 5 ms, 10 ms, ... 5 s, and
// then returns ErrBusy. An empty file older than a minute is believed.
//
// A short file whose writer pauses is not recognised here: the caller looks
// for what it expects to find.
//
// A file that does not exist is an error that wraps fs.ErrNotExist. A loop or
// dangling link, a directory, FIFO or device, and a file that is too large are
// *Refused, at once.
func Read(ctx context.Context, sys Sys, path string) (*Original, error) {
	for wait := firstWait; ; wait *= 2 {
		o, err := readOnce(sys, path)
		if err != nil || o != nil {
			return o, err
		}
		if wait > lastWait {
			return nil, fmt.Errorf("read %s: %w", path, ErrBusy)
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
}

// readOnce returns nil and no error when the file does not hold still.
func readOnce(sys Sys, path string) (*Original, error) {
	real, err := Resolve(sys, path)
	if err != nil {
		return nil, err
	}
	info, err := sys.Lstat(real)
	if err != nil {
		return nil, err
	}
	if err := readable(path, info); err != nil { // before it is opened: devices act on that
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
	if err := readable(path, before); err != nil {
		return nil, err
	}
	data, err := contents(f, before.Size)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !before.unmoved(after) || int64(len(data)) != after.Size || !believable(after, time.Now()) {
		return nil, nil
	}
	after.Mount = info.Mount // which the open file does not tell
	return &Original{Path: path, Real: real, Data: data, Info: after, sys: sys}, nil
}

func readable(path string, info Info) error {
	if !info.Mode.IsRegular() {
		return &Refused{Path: path, Why: "is not a regular file", Remedy: "put a file in its place, or point AWS_SHARED_CREDENTIALS_FILE elsewhere"}
	}
	if info.Size > MaxSize {
		return &Refused{Path: path, Why: fmt.Sprintf("has %d bytes, more than the %d that keyd reads", info.Size, MaxSize),
			Remedy: "is it the right file?"}
	}
	return nil
}

// believable reports whether a file that was last written then is complete at
// now. A time in the future is no reason to wait: clocks differ.
func believable(info Info, now time.Time) bool {
	age := now.Sub(info.ModTime)
	if info.Size == 0 {
		return age > emptyAge
	}
	return age < 0 || age >= settled
}

// contents reads a file that should have size bytes, and one byte more where
// there are more: the caller then sees that it is another one.
func contents(f File, size int64) ([]byte, error) {
	data := make([]byte, size+1)
	n, err := f.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return data[:n], err
}

// holds returns ErrChanged unless the open file is the original, byte for byte.
func (o *Original) holds(f File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := contents(f, int64(len(o.Data)))
	if err != nil {
		return err
	}
	if info.ID != o.Info.ID || !bytes.Equal(data, o.Data) {
		return ErrChanged
	}
	return nil
}

// about says which file err is about, where it does not say so itself.
func (o *Original) about(what string, err error) error {
	if _, ok := errors.AsType[*Refused](err); ok {
		return err
	}
	return fmt.Errorf("%s %s: %w", what, o.Path, err)
}

// open opens the file that the path leads to now, or returns ErrChanged when
// it leads elsewhere or nowhere.
func (o *Original) open(flag int) (File, error) {
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

// sleep waits for d or until ctx is done.
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
