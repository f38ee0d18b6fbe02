package atomicfile

import (
	"context"
	"errors"
	"time"
)

// Lock takes the lock of a file, asking again every retry until ctx is done;
// it then returns ErrLocked. The directory must exist.
func Lock(ctx context.Context, sys Sys, name string, retry time.Duration) (unlock func(), err error) {
	for {
		unlock, err := sys.TryLock(name)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		if sleep(ctx, retry) != nil {
			return nil, err
		}
	}
}
