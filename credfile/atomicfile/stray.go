package atomicfile

import (
	"bytes"
	"context"
	"io"
	"time"
)

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
