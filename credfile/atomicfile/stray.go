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
	// How long its writer gets to finish.
	strayLimit = 2 * time.Second
)

// stray watches the replaced file and returns what was written into it, once
// its writer has finished.
func (o *Original) stray(ctx context.Context, old File) []byte {
	if !renameSparesOpenFiles {
		return nil
	}
	return written(ctx, old, o.Info, o.Data)
}

// written watches an open file that had these bytes, until it holds still, and
// returns the others that it has then. It is nil when there are none.
func written(ctx context.Context, f File, was Info, data []byte) []byte {
	still := time.Duration(0)
	for waited := time.Duration(0); waited < strayLimit; waited += firstWait {
		info, err := f.Stat()
		if err != nil {
			return nil
		}
		switch {
		case !info.unmoved(was) || f.BeingWritten():
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
	now, err := io.ReadAll(io.NewSectionReader(f, 0, MaxSize+1))
	if err != nil || bytes.Equal(now, data) {
		return nil
	}
	return append([]byte{}, now...)
}
