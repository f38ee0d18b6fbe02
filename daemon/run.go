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

// AliveError is a second daemon on the same state folder.
type AliveError struct{}

func (AliveError) Error() string { return "a daemon already runs here" }

// Hint shows it.
func (AliveError) Hint() string { return "keyd status" }

// Around is what the process around a Daemon gives it. All of it may be zero.
type Around struct {
	Reload     func() (Settings, error) // before every pass; an error keeps the last good ones
	Changed    <-chan Change            // from Watch: look now
	Hangup     <-chan os.Signal         // look now
	Supervisor Supervisor               // systemd, if it started the process
	Release    string                   // version of the program, for the status
}

const (
	soon      = time.Hour        // what is due within it is waited for in short steps
	soonStep  = 5 * time.Minute  // a clock that is set, or a machine that wakes, delays it by no more
	overslept = 30 * time.Second // by which the wall clock runs ahead: the machine slept, or was set
)

// Run does a pass at once and then whenever something is due, a file or the
// settings change, SIGHUP comes, check_every has passed, or the machine woke
// from sleep, until ctx is cancelled; then it returns nil. A step of a rotation
// that has begun is ended first. The error is for what keeps a daemon from
// being one: no state folder, or another one there.
//
// All deadlines are by the wall clock: a timer stands still while a laptop
// sleeps, so the time that is left is found out again after every step.
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
		again, id, err := claim(ctx, d) // someone removed the folder: a lock without a name keeps nobody out
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

func lockPath(state string) string { return filepath.Join(state, "daemon.lock") }

// claim makes this process the one daemon of the state folder, and returns the
// identity of the lock that says so.
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
