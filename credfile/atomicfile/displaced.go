package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// A displaced text is what another program wrote, and what has no place in the target.
// There are two kinds: a file that another program put at the target in the moment of
// an exchange, which setAside saves, and bytes that another program wrote into the old
// file after that file had lost its name, which watchStray returns.

// asideSuffix ends the name of a file next to the target in which a displaced text is
// saved. keyd never removes such a file; its owner does.
const asideSuffix = ".theirs"

// displacedError means that the name could not be given back to a file that another
// program had put at the target. The file is saved next to the target.
type displacedError struct {
	way Way    // Renamed when the new file has the name of the target
	at  string // where the file is now
	err error  // why it has no name; nil when the file at the target is newer
}

func (d *displacedError) Error() string {
	text := "another program wrote the file at the same moment; its text is in " + d.at
	if !strings.HasSuffix(d.at, asideSuffix) {
		text += " until keyd runs again"
	}
	if d.err != nil {
		text = d.err.Error() + "; " + text
	}
	return text
}

func (d *displacedError) Unwrap() error { return d.err }

// setAside gives the file with the temporary name a name that Sweep spares, and returns
// a *displacedError. That error never wraps ErrChanged, because a caller that started
// again after ErrChanged would not report where the text is.
func (o *Original) setAside(temp string, way Way, cause, err error) error {
	if errors.Is(cause, ErrChanged) {
		cause = nil
	}
	at := temp + asideSuffix
	if failed := o.sys.Rename(temp, at); failed != nil {
		at, err = temp, errors.Join(err, failed)
	}
	return &displacedError{way: way, at: at, err: errors.Join(cause, err, o.sys.SyncDir(filepath.Dir(o.Real)))}
}

// SaveDisplaced saves text, which another program wrote into a file that has lost its name, in a
// new file of mode 0600 next to the original and returns the name of that file. Sweep
// spares it.
func (o *Original) SaveDisplaced(text []byte) (string, error) {
	temp, err := writeTemp(o.sys, o.Real, text, 0o600)
	if err != nil {
		return "", o.wrapPath("keep a text beside", err)
	}
	at := temp + asideSuffix
	if err := o.sys.Rename(temp, at); err != nil {
		return "", o.wrapPath("keep a text beside", errors.Join(err, o.sys.Remove(temp)))
	}
	return at, o.sys.SyncDir(filepath.Dir(o.Real))
}

// DisplacedTexts returns the files next to path in which this process or an earlier one has saved
// texts of other programs.
func DisplacedTexts(sys Sys, path string) ([]string, error) { return findTemps(sys, path, asideSuffix) }

const (
	// strayWatch is how long a file is watched after it lost its name. A program
	// that had opened the file before has truncated it within that time.
	strayWatch = 25 * time.Millisecond
	// strayPause is how long a changed file must stay the same when the system
	// never reported a writer: the writer has closed the file, or the system
	// cannot report writers.
	strayPause = 300 * time.Millisecond
	// strayLimit is how long the writer may take to finish.
	strayLimit = 2 * time.Second
)

// watchStray watches the replaced file and returns the bytes that another program wrote
// into it, once that program has finished or has taken longer than strayLimit.
func (o *Original) watchStray(ctx context.Context, old File) (text []byte, unfinished bool) {
	if !renameSparesOpenFiles {
		return nil, false
	}
	return watchWriters(ctx, old, o.Info, o.Data)
}

// watchWriters watches an open file, which held data when it was described by was, until
// it stays the same. It returns the bytes that the file holds then, or nil when they are
// still data.
func watchWriters(ctx context.Context, f File, was Info, data []byte) (text []byte, unfinished bool) {
	watch, still, sawWriter := strayWatch, time.Duration(0), false
	for waited := time.Duration(0); waited < strayLimit; waited += firstWait {
		info, err := f.Stat()
		if err != nil {
			return nil, false
		}
		changed, writing := !info.sameState(was), f.BeingWritten()
		unfinished, sawWriter = changed || writing, sawWriter || writing
		if changed && !sawWriter {
			watch = strayPause
		}
		switch {
		case unfinished:
			was, still = info, 0
		case still >= watch && info.Size > 0:
			waited = strayLimit
		default:
			still += firstWait
		}
		if sleep(ctx, firstWait) != nil {
			unfinished = true
			break
		}
	}
	now, err := io.ReadAll(io.NewSectionReader(f, 0, MaxSize+1))
	if err != nil || bytes.Equal(now, data) {
		return nil, false
	}
	return append([]byte{}, now...), unfinished
}
