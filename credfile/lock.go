package credfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// ErrLocked means that another keyd process was changing one of the files all
// the time. Nothing was changed.
var ErrLocked = errors.New("credfile: another keyd process is changing the files")

const (
	lockWait  = 10 * time.Second
	lockRetry = 25 * time.Millisecond
)

// Lock keeps other keyd processes of this user from writing either file until
// unlock is called. It waits up to 10 s and then returns ErrLocked. A process
// that dies gives the lock up.
//
// Two stores exclude each other when they have one file in common under
// whatever name and the same LockDir. Other programs are not kept out, and
// the files themselves are never locked: a lock would stay with the old file
// when the new one takes its name.
func (s *Store) Lock(ctx context.Context) (unlock func(), err error) {
	if err := atomicfile.MkdirAll(s.sys(), s.LockDir, 0o700); err != nil {
		return nil, fmt.Errorf("credfile: %w", err)
	}
	names, err := s.lockNames()
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	var held []func()
	unlock = func() {
		for _, release := range slices.Backward(held) {
			release()
		}
	}
	for _, name := range names {
		path := filepath.Join(s.LockDir, name)
		release, err := atomicfile.Lock(waiting, s.sys(), path, lockRetry)
		switch {
		case err == nil:
			held = append(held, release)
			continue
		case context.Cause(ctx) != nil:
			err = context.Cause(ctx)
		case errors.Is(err, atomicfile.ErrLocked):
			err = ErrLocked
		default:
			err = fmt.Errorf("credfile: lock %s: %w", path, err)
		}
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lockNames returns one name for each file, in an order that is the same for
// everybody, so that two stores never wait for each other.
func (s *Store) lockNames() ([]string, error) {
	var names []string
	for _, path := range s.paths() {
		real, err := atomicfile.Resolve(s.sys(), path)
		if errors.Is(err, fs.ErrNotExist) {
			real, err = filepath.Abs(path)
		}
		if err != nil {
			return nil, fmt.Errorf("credfile: %w", err)
		}
		sum := sha256.Sum256([]byte(real))
		names = append(names, hex.EncodeToString(sum[:8])+".lock")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
