package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"keyd/credfile/atomicfile"
)

// BusyError is another keyd at work on the same state folder.
type BusyError struct{ Path string }

func (e *BusyError) Error() string {
	return "another keyd is in the middle of a pass: nothing was done"
}

// Hint names who.
func (e *BusyError) Hint() string {
	return "try again when it is done; what it does shows: keyd status"
}

// lockPatience is how long a command waits for the pass of another process.
const lockPatience = 3 * time.Second

const lockRetry = 20 * time.Millisecond

// enter begins whatever may change something: alone, and with the temporary
// files of a process that was killed removed, for they may hold a secret.
func (d *Daemon) enter(ctx context.Context) (leave func(), err error) {
	leave, err = d.lock(ctx)
	if err != nil || d.readOnly {
		return leave, err
	}
	if err := d.sweep(ctx); err != nil {
		d.Log.Warn("sweep", "why", err.Error())
	}
	return leave, nil
}

// lock takes the pass lock: one pass at a time per state folder. The kernel
// drops it when the process dies, however it dies.
func (d *Daemon) lock(ctx context.Context) (unlock func(), err error) {
	if err := atomicfile.MkdirAll(d.Sys, d.State, 0o700); err != nil {
		return nil, fmt.Errorf("daemon: the state folder: %w", err)
	}
	return lockFile(ctx, d.Sys, filepath.Join(d.State, "pass.lock"), lockPatience)
}

func lockFile(ctx context.Context, sys atomicfile.Sys, path string, patience time.Duration) (unlock func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unlock, err = atomicfile.Lock(waiting, sys, path, lockRetry)
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

// Lives reports whether a daemon runs on this state folder. It asks the lock,
// not a pid, which another process may have by now.
func Lives(state string) bool {
	path := filepath.Join(state, "daemon.lock")
	if _, err := os.Stat(path); err != nil {
		return false
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	free, err := l.TryRLock() // shared: two that ask do not take each other for a daemon
	if free {
		_ = l.Unlock()
	}
	return err == nil && !free
}
