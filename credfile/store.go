package credfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// Store is the pair of files of one user. It keeps nothing in memory: every
// call looks at the disk.
//
// A Store locks nothing. The caller makes sure that Check, Swap, Restore, Mend,
// Sync and Sweep of one user's files do not run at the same time: keyd holds the
// pass lock of its state folder. Other programs may write the files at any time.
type Store struct {
	Paths Paths
	Sys   atomicfile.Sys // the file system; nil means the real one
}

func (s *Store) sys() atomicfile.Sys {
	if s.Sys == nil {
		return atomicfile.OS{}
	}
	return s.Sys
}

// paths returns the files that have a path at all.
func (s *Store) paths() []string {
	var paths []string
	for _, path := range []string{s.Paths.Credentials, s.Paths.Config} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// Reads reports whether path is one of the files, under whatever name. A path
// that leads nowhere is none of them.
func (s *Store) Reads(path string) bool {
	if slices.Contains(s.paths(), path) {
		return true
	}
	real, err := atomicfile.Resolve(s.sys(), path)
	return slices.ContainsFunc(s.paths(), func(own string) bool {
		other, failed := atomicfile.Resolve(s.sys(), own)
		return err == nil && failed == nil && (real == other || atomicfile.Same(s.sys(), real, other))
	})
}

// Exists reports whether a file stands at path, or may: an error other than that
// there is none is no proof.
func (s *Store) Exists(path string) bool {
	_, err := atomicfile.Resolve(s.sys(), path)
	return !errors.Is(err, fs.ErrNotExist)
}

// kindOf tells which of the two files path is.
func (s *Store) kindOf(path string) Kind {
	if path == s.Paths.Config && path != s.Paths.Credentials {
		return Config
	}
	return Credentials
}

// ReadBack returns the pair that a profile shows on disk now, by way of a
// second reader that shares no code with Lex: what keyd validates is what
// other programs will find.
func (s *Store) ReadBack(ctx context.Context, p Profile) (Key, error) {
	o, err := atomicfile.Read(ctx, s.sys(), p.Path)
	if err != nil {
		return Key{}, fmt.Errorf("credfile: %w", err)
	}
	return Pair(o.Data, s.kindOf(p.Path), p.Section)
}

// Sync makes what a file shows durable, whoever wrote it: a swap that was killed
// before its last step may have left a name that a power failure takes back.
func (s *Store) Sync(ctx context.Context, p Profile) error {
	o, err := atomicfile.Read(ctx, s.sys(), p.Path)
	if err == nil {
		err = o.Sync()
	}
	if err != nil {
		return fmt.Errorf("credfile: %w", err)
	}
	return nil
}

// Kept returns the files beside the two in which texts of other programs were
// kept, since they had no place in them.
func (s *Store) Kept() ([]string, error) {
	var kept []string
	var errs []error
	for _, path := range s.paths() {
		names, err := atomicfile.Kept(s.sys(), path)
		kept, errs = append(kept, names...), append(errs, err)
	}
	return kept, errors.Join(errs...)
}

// Sweep removes the temporary files that a crash left beside the files.
func (s *Store) Sweep() error {
	for _, path := range s.paths() {
		if err := atomicfile.Sweep(s.sys(), path); err != nil {
			return fmt.Errorf("credfile: sweep %s: %w", filepath.Dir(path), err)
		}
	}
	return nil
}

// backoff is the waiting between two looks: 5 ms, doubled, up to 5 s.
type backoff struct{ next time.Duration }

const (
	firstWait = 5 * time.Millisecond
	lastWait  = 5 * time.Second
)

// isSpent reports whether all waits are over, after about 10 s.
func (b *backoff) isSpent() bool { return b.next > lastWait }

// wait waits for the next while.
func (b *backoff) wait(ctx context.Context) error {
	b.next = max(b.next, firstWait)
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next *= 2
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("credfile: %w", context.Cause(ctx))
	}
}
