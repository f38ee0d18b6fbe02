package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keyd/credfile/atomicfile"
)

// AlreadyRunningError reports that another daemon runs on the same state folder.
type AliveError struct{}

// Error says that another daemon is running.
func (AliveError) Error() string { return "a daemon is already running here" }

// Hint is the command that shows the other daemon.
func (AliveError) Hint() string { return "keyd status" }

// RunOptions are what the process gives to Run. Every field may be zero.
type Around struct {
	Reload     func() (Settings, error) // called before every pass; after an error the last good settings stay in use
	Changed    <-chan Change            // file changes from the watch; each one causes a pass
	Hangup     <-chan os.Signal         // SIGHUP; each one causes a pass
	Supervisor Supervisor               // the service manager, if one started the process
	Release    string                   // version of the program, for keyd status
}

const (
	soon      = time.Hour        // if a key is due within this time, the loop sleeps in short steps
	soonStep  = 5 * time.Minute  // such a step: setting the clock or waking the machine delays the key by no more
	overslept = 30 * time.Second // if the wall clock jumps by more, the machine slept or its clock was set
)

// Run starts a pass at once, and another one whenever something is due, a file or the
// settings change, SIGHUP arrives, check_every has passed, or the machine woke from
// sleep. When ctx is cancelled, Run finishes the current step of a rotation and returns
// nil. It returns an error only if no daemon can run: there is no usable state folder,
// or another daemon runs on it (AlreadyRunningError).
//
// All deadlines use the wall clock. A timer stops while a laptop sleeps, so Run computes
// the remaining time again after every step.
func Run(ctx context.Context, d *Daemon, a Around) error {
	release, mine, err := claim(ctx, d)
	if err != nil {
		return err
	}
	defer func() { release() }()
	l := newLoop(d, a)
	defer l.end()
	for {
		l.pass(ctx)
		if l.wait(ctx) != nil {
			return nil
		}
		if now, err := d.Sys.Lstat(lockPath(d.State)); err == nil && now.ID == mine || err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		again, id, err := claim(ctx, d) // someone removed the folder: a deleted lock file excludes no one
		if is[AliveError](err) {
			return err
		}
		if err != nil {
			l.note("lock", err.Error())
			continue
		}
		release()
		release, mine = again, id
	}
}

// daemonLockPath returns the path of the lock that a daemon holds while it runs.
func lockPath(state string) string { return filepath.Join(state, "daemon.lock") }

// claimState makes this process the only daemon of the state folder, and returns the
// identity of the lock file.
func claim(ctx context.Context, d *Daemon) (release func(), id atomicfile.FileID, err error) {
	if err := atomicfile.MkdirAll(d.Sys, d.State, 0o700); err != nil {
		return nil, id, fmt.Errorf("daemon: the state folder: %w", err)
	}
	release, err = lockFile(ctx, d.Sys, lockPath(d.State), 200*time.Millisecond)
	if is[*BusyError](err) {
		return nil, id, AliveError{}
	}
	if err != nil {
		return nil, id, err
	}
	info, err := d.Sys.Lstat(lockPath(d.State))
	if err != nil {
		release()
		return nil, id, fmt.Errorf("daemon: the lock: %w", err)
	}
	return release, info.ID, nil
}
