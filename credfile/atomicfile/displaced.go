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

// displaced says that what another program put at the target could not get its
// name back: err tells why, nil when a third program has written since. It
// stays at, beside the target, and way tells whether the new file has the name.
type displaced struct {
	way Way
	at  string
	err error
}

func (d *displaced) Error() string {
	text := "another program wrote the file at the same moment; its text is in " + d.at
	if !strings.HasSuffix(d.at, theirs) {
		text += " until keyd runs again"
	}
	if d.err != nil {
		text = d.err.Error() + "; " + text
	}
	return text
}

func (d *displaced) Unwrap() error { return d.err }

// keep gives the file with the temporary name one that Sweep spares. The error
// is not ErrChanged: whoever starts again would not hear of it.
func (o *Original) keep(temp string, way Way, cause, err error) error {
	if errors.Is(cause, ErrChanged) {
		cause = nil
	}
	kept := temp + theirs
	if failed := o.sys.Rename(temp, kept); failed != nil {
		kept, err = temp, errors.Join(err, failed)
	}
	return &displaced{way: way, at: kept, err: errors.Join(cause, err, o.sys.SyncDir(filepath.Dir(o.Real)))}
}

// theirs ends the name of a file beside the target with what another program has
// written and what has no place in the target. Nobody but its owner removes it.
const theirs = ".theirs"

// Keep writes text, which another program wrote into a file that has lost its
// name, into a new file of mode 0600 beside the original, one that Sweep spares,
// and returns its name.
func (o *Original) Keep(text []byte) (string, error) {
	temp, err := writeTemp(o.sys, o.Real, text, 0o600)
	if err != nil {
		return "", o.about("keep a text beside", err)
	}
	kept := temp + theirs
	if err := o.sys.Rename(temp, kept); err != nil {
		return "", o.about("keep a text beside", errors.Join(err, o.sys.Remove(temp)))
	}
	return kept, o.sys.SyncDir(filepath.Dir(o.Real))
}

// Kept returns the files beside path in which texts of other programs were kept,
// by this process or an earlier one.
func Kept(sys Sys, path string) ([]string, error) { return beside(sys, path, theirs) }

const (
	// How long a file that has lost its name is watched. A program that opened
	// it before has truncated it by then.
	strayWatch = 25 * time.Millisecond
	// How long a changed file must hold still of whose writer the system tells
	// nothing: it has closed it, or the system cannot tell.
	strayPause = 300 * time.Millisecond
	// How long its writer gets to finish.
	strayLimit = 2 * time.Second
)

// stray watches the replaced file and returns what was written into it, once
// its writer has finished, or has not for too long.
func (o *Original) stray(ctx context.Context, old File) (text []byte, unfinished bool) {
	if !renameSparesOpenFiles {
		return nil, false
	}
	return written(ctx, old, o.Info, o.Data)
}

// written watches an open file that had these bytes, until it holds still, and
// returns the others that it has then. They are nil when there are none.
func written(ctx context.Context, f File, was Info, data []byte) (text []byte, unfinished bool) {
	watch, still, told := strayWatch, time.Duration(0), false
	for waited := time.Duration(0); waited < strayLimit; waited += firstWait {
		info, err := f.Stat()
		if err != nil {
			return nil, false
		}
		moved, writing := !info.unmoved(was), f.BeingWritten()
		unfinished, told = moved || writing, told || writing
		if moved && !told {
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
