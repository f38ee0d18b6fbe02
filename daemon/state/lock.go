package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"keyd/credfile/atomicfile"
)

// BusyError reports that another keyd holds the lock at Path.
type BusyError struct {
	Path string
	Who  string // the process that holds it, as far as the state folder tells; "" when it does not
}

// Error names the process, and says that nothing was done.
func (e *BusyError) Error() string {
	if e.Who != "" {
		return e.Who + " is at work on the same keys: nothing was done"
	}
	return "another keyd is busy: nothing was done"
}

// Hint says how to see what the other keyd does.
func (e *BusyError) Hint() string {
	return "try again when it is done; to see what it is doing: keyd status"
}

// LockError reports that locks cannot be trusted in the state folder: the system refuses
// them, or they do not exclude other processes or other machines. Two keyd would then
// work on the same keys and journals at the same time. Nothing was done.
type LockError struct {
	Dir string // the state folder
	Why string // a predicate that follows "the locks in DIR": "exclude no one: ..."
	err error
}

// Error names the folder.
func (e *LockError) Error() string {
	text := fmt.Sprintf("the locks in %s %s", e.Dir, e.Why)
	if e.err != nil {
		text += fmt.Sprintf(" (%v)", e.err)
	}
	return text + ": keyd rotates nothing, because two keyd could work on one key at the same time"
}

// Unwrap returns the error of the system, or nil.
func (e *LockError) Unwrap() error { return e.err }

// Hint says how to run keyd here. It says one machine, because two with state folders of
// their own would be two keyd on one credentials file, and it says move, because only the
// state folder holds the keys of a rotation in progress.
func (e *LockError) Hint() string {
	return "run keyd on one machine only, the same one always; there, stop it, move " + e.Dir +
		" to a local disk, and set KEYD_STATE_DIR to its new path, also for the service: keyd install"
}

// LockPollEvery is how often a waiting process tries the lock.
const LockPollEvery = 5 * time.Millisecond

// LockFile locks the file at path, in the state folder, and waits for up to limit while
// another process holds the lock. After that it returns a *BusyError. When ctx ends it
// returns the cause. It returns a *LockError when the lock excludes no one.
func LockFile(ctx context.Context, sys atomicfile.Sys, path string, limit time.Duration) (unlock func(), err error) {
	dir := filepath.Dir(path)
	if sys.LockReach(dir) == atomicfile.ReachOwnOnly {
		return nil, ownOnlyError(dir)
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	unlock, err = lockProven(waiting, sys, path)
	switch {
	case errors.Is(err, atomicfile.ErrLocked) && ctx.Err() == nil:
		return nil, &BusyError{Path: path, Who: describeBusy(dir)}
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case isUnsupported(err):
		return nil, &LockError{Dir: dir, Why: "are refused by the system", err: err}
	case err != nil:
		if _, proven := errors.AsType[*LockError](err); !proven {
			err = fmt.Errorf("daemon: the lock: %w", err)
		}
		return nil, err
	}
	return unlock, nil
}

// proofRounds is how often a proof that fails is repeated. A lock file that was removed
// and created again in that moment lets one fail.
const proofRounds = 3

// lockProven takes the lock and proves that it excludes: while this process holds it, the
// same file, opened once more, must not give it again. On a file system that grants every
// lock it would.
//
// Not proven: that the lock excludes other machines, since no process can ask for it from
// there. LockPass does more.
func lockProven(ctx context.Context, sys atomicfile.Sys, path string) (unlock func(), err error) {
	for range proofRounds {
		if unlock, err = atomicfile.Lock(ctx, sys, path, LockPollEvery); err != nil {
			return nil, err
		}
		again, err := sys.TryLock(path)
		if errors.Is(err, atomicfile.ErrLocked) {
			return unlock, nil
		}
		if err == nil {
			again()
		}
		unlock()
		if err != nil {
			return nil, err
		}
	}
	return nil, &LockError{Dir: filepath.Dir(path), Why: "exclude no one: the system gave one lock twice"}
}

// isUnsupported reports whether the system refused the lock itself, and not the opening
// of its file.
// Source: flock(2) and fcntl(2), under ERRORS; nfs(5) for ENOLCK.
func isUnsupported(err error) bool {
	if _, opening := errors.AsType[*fs.PathError](err); opening {
		return false
	}
	for _, no := range []error{errors.ErrUnsupported, fs.ErrPermission, syscall.ENOLCK, syscall.EINVAL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func ownOnlyError(dir string) error {
	return &LockError{Dir: dir, Why: "exclude no other machine: the network drive is mounted without them"}
}

// DaemonRunning reports whether a daemon runs on this state folder. It tests the lock
// and not a process id, because another process may have that id by now.
func DaemonRunning(stateDir string) bool {
	running, _ := TestLock(stateDir)
	return running
}

// TestLock reports whether a daemon runs on this state folder, and returns a *LockError
// when locks cannot be trusted there. It creates nothing and holds the lock for an
// instant. Before the first pass there is no lock to test.
func TestLock(stateDir string) (running bool, err error) {
	path := DaemonLockPath(stateDir)
	if _, err := os.Stat(path); err != nil {
		path = PassLockPath(stateDir)
		if _, err := os.Stat(path); err != nil {
			return false, nil
		}
	}
	if (atomicfile.OS{}).LockReach(stateDir) == atomicfile.ReachOwnOnly {
		err = ownOnlyError(stateDir)
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, refused := l.TryRLock() // shared, so that two callers do not take each other for a daemon
	switch {
	case isUnsupported(refused):
		return false, &LockError{Dir: stateDir, Why: "are refused by the system", err: refused}
	case refused != nil:
		return false, err
	case !free:
		return path == DaemonLockPath(stateDir), err
	}
	defer func() { _ = l.Unlock() }()
	again := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if twice, failed := again.TryLock(); failed == nil && twice {
		_ = again.Unlock()
		return false, &LockError{Dir: stateDir, Why: "exclude no one: the system gave one lock twice"}
	}
	return false, err
}
