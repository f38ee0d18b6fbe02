package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/systemd"
	"keyd/daemon/watch"
)

// AlreadyRunningError reports that another daemon runs on the same state folder.
type AlreadyRunningError struct{}

// Error says that another daemon is running.
func (AlreadyRunningError) Error() string { return "a daemon is already running here" }

// Hint is the command that shows the other daemon.
func (AlreadyRunningError) Hint() string { return "keyd status" }

// RunOptions are what the process gives to Run. Every field may be zero.
type RunOptions struct {
	Reload     func() (settings.Settings, error) // called before every pass; after an error the last good settings stay in use, or those that it returns if they are within managed ones
	Changed    <-chan watch.Change               // file changes from the watch; each one causes a pass
	Hangup     <-chan os.Signal                  // SIGHUP; each one causes a pass
	Supervisor systemd.Supervisor                // the service manager, if one started the process
	Release    string                            // version of the program, for keyd status
	Rested     func()                            // called after a pass when nothing is due for a minute; nil: nothing
	Name       func(text string) string          // writes the commands in a text as a person has to call them; nil: keyd is called keyd
}

// Run starts a pass at once, and another one whenever something is due, a file or the
// settings change, SIGHUP arrives, check_every has passed, or the machine woke from
// sleep. When ctx is cancelled, Run finishes the current step of a rotation and returns
// nil. It returns an error only if no daemon can run: there is no usable state folder,
// or another daemon runs on it (AlreadyRunningError).
//
// All deadlines use the wall clock. A timer stops while a laptop sleeps, so Run computes
// the remaining time again after every step.
func Run(ctx context.Context, d *rotate.Rotator, options RunOptions) error {
	release, mine, err := claimState(ctx, d)
	if _, untrusted := errors.AsType[*state.LockError](err); untrusted {
		release, err = func() {}, nil // the passes fail for the same reason and say so; a disk may be mounted in another way later
	}
	if err != nil {
		return err
	}
	defer func() { release() }()
	l := newLoop(d, options)
	defer l.close()
	for {
		l.runRound(ctx)
		if l.waitForPass(ctx) != nil {
			return nil
		}
		if now, err := d.Sys.Lstat(state.DaemonLockPath(d.StateDir)); err == nil && now.ID == mine || err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		again, id, err := claimState(ctx, d) // someone removed the folder: a deleted lock file excludes no one
		if _, running := errors.AsType[AlreadyRunningError](err); running {
			return err
		}
		if err != nil {
			l.noteProblem("lock", err.Error())
			continue
		}
		release()
		release, mine = again, id
	}
}

// claimState makes this process the only daemon of the state folder, and returns the
// identity of the lock file.
func claimState(ctx context.Context, d *rotate.Rotator) (release func(), id atomicfile.FileID, err error) {
	if err := state.OpenFolder(d.Sys, d.StateDir, d.Getenv("HOME")); err != nil {
		return nil, id, err
	}
	release, err = state.LockFile(ctx, d.Sys, state.DaemonLockPath(d.StateDir), 200*time.Millisecond)
	if _, busy := errors.AsType[*state.BusyError](err); busy {
		return nil, id, AlreadyRunningError{}
	}
	if err != nil {
		return nil, id, err
	}
	info, err := d.Sys.Lstat(state.DaemonLockPath(d.StateDir))
	if err != nil {
		release()
		return nil, id, fmt.Errorf("daemon: the lock: %w", err)
	}
	return release, info.ID, nil
}
