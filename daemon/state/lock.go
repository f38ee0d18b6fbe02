package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"

	"keyd/credfile/atomicfile"
)

// BusyError reports that another keyd holds the lock at Path.
type BusyError struct{ Path string }

// Error says that nothing was done.
func (e *BusyError) Error() string {
	return "another keyd is in the middle of a pass: nothing was done"
}

// Hint says how to see what the other keyd does.
func (e *BusyError) Hint() string {
	return "try again when it is done; to see what it does: keyd status"
}

// LockPollEvery is how often a waiting process tries the lock.
const LockPollEvery = 5 * time.Millisecond

// LockFile locks the file at path, and waits for up to limit while another process holds
// the lock. After that it returns a *BusyError. When ctx ends it returns the cause.
func LockFile(ctx context.Context, sys atomicfile.Sys, path string, limit time.Duration) (unlock func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	unlock, err = atomicfile.Lock(waiting, sys, path, LockPollEvery)
	switch {
	case errors.Is(err, atomicfile.ErrLocked) && ctx.Err() == nil:
		return nil, &BusyError{Path: path}
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("daemon: the lock: %w", err)
	}
	return unlock, nil
}

// DaemonRunning reports whether a daemon runs on this state folder. It tests the lock
// and not a process id, because another process may have that id by now.
func DaemonRunning(stateDir string) bool {
	path := DaemonLockPath(stateDir)
	if _, err := os.Stat(path); err != nil {
		return false
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	free, err := l.TryRLock() // shared, so that two callers do not take each other for a daemon
	if free {
		_ = l.Unlock()
	}
	return err == nil && !free
}
