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

// Store reads and changes the two AWS files of one user, and the files that are linked to
// them. Every call reads the disk: only what the bytes mean may be known before, see Memo.
//
// A Store locks nothing. The caller makes sure that Check, Swap, Restore, Mend,
// Sync and Sweep of one user's files do not run at the same time: keyd holds the
// pass lock of its state folder. Other programs may write the files at any time.
type Store struct {
	Paths Paths
	Links []Link         // linked files: they show the pairs of the two files, and change with them
	Sys   atomicfile.Sys // the file system; nil means the real one
	Memo  *Memo          // nil means to parse whatever is read
}

// sys returns the file system to use.
func (s *Store) sys() atomicfile.Sys {
	if s.Sys == nil {
		return atomicfile.OS{}
	}
	return s.Sys
}

// paths returns the paths that are set, credentials file first.
func (s *Store) paths() []string {
	var paths []string
	for _, path := range []string{s.Paths.Credentials, s.Paths.Config} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// HasFile reports whether path leads to one of the two files, under any of its names.
// A path that leads nowhere does not.
func (s *Store) HasFile(path string) bool {
	if slices.Contains(s.paths(), path) {
		return true
	}
	real, err := atomicfile.Resolve(s.sys(), path)
	return slices.ContainsFunc(s.paths(), func(own string) bool {
		other, failed := atomicfile.Resolve(s.sys(), own)
		return err == nil && failed == nil && (real == other || atomicfile.SameFile(s.sys(), real, other))
	})
}

// MayExist reports whether there is, or may be, a file at path. It returns false only
// when the file system says that there is none: any other error proves nothing.
func (s *Store) MayExist(path string) bool {
	_, err := atomicfile.Resolve(s.sys(), path)
	return !errors.Is(err, fs.ErrNotExist)
}

// kindOf returns which of the two files path is.
func (s *Store) kindOf(path string) Kind {
	if path == s.Paths.Config && path != s.Paths.Credentials {
		return Config
	}
	return Credentials
}

// ReadBack returns the pair that a profile shows on disk now. It uses a second
// reader that shares no code with Lex, so that keyd validates what other programs
// will find. The errors are those of ReadPair and of reading the file.
func (s *Store) ReadBack(ctx context.Context, p Profile) (Key, error) {
	o, err := atomicfile.Read(ctx, s.sys(), p.Path)
	if err != nil {
		return Key{}, fmt.Errorf("credfile: %w", err)
	}
	return ReadPair(o.Data, s.kindOf(p.Path), p.Section)
}

// Sync makes the present contents of p's file durable, no matter which program
// wrote them. A swap that was killed before its last step may have left a new file
// that a power failure would undo.
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

// allPaths returns the paths of the AWS files and of the linked files.
func (s *Store) allPaths() []string {
	paths := s.paths()
	for _, l := range s.Links {
		paths = append(paths, l.Path)
	}
	return paths
}

// DisplacedFiles returns the paths of the files, next to those of the Store, in which keyd
// has left text of other programs that it could not put into them. It may return paths
// together with an error.
func (s *Store) DisplacedFiles() ([]string, error) {
	var kept []string
	var errs []error
	for _, path := range s.allPaths() {
		names, err := atomicfile.DisplacedTexts(s.sys(), path)
		kept, errs = append(kept, names...), append(errs, err)
	}
	return kept, errors.Join(errs...)
}

// Sweep removes the temporary files that a crash has left next to the files of the Store.
func (s *Store) Sweep() error {
	var errs []error
	for _, path := range s.allPaths() {
		if err := atomicfile.Sweep(s.sys(), path); err != nil {
			errs = append(errs, fmt.Errorf("credfile: sweep %s: %w", filepath.Dir(path), err))
		}
	}
	return errors.Join(errs...)
}

// backoff is the wait between two tries: 5 ms at first, doubled each time up to 5 s.
type backoff struct{ next time.Duration }

const (
	firstWait = 5 * time.Millisecond
	lastWait  = 5 * time.Second
)

// isSpent reports whether all waits are over, about 10 s in all.
func (b *backoff) isSpent() bool { return b.next > lastWait }

// wait sleeps for the next wait, or returns the reason when ctx is done first.
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
