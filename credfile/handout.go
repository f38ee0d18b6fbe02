package credfile

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// showingLimit is how long ReadShowing waits until a profile shows a pair. The program
	// that asks is waiting as well: the SDK for Rust gives the command 5 s (DEFAULT_LOAD_TIMEOUT
	// of its identity cache), others a minute or more.
	showingLimit = 3 * time.Second

	// freshAge is the age below which a file without the profile may be one that another
	// program is still writing.
	freshAge = 2 * time.Second
)

// ReadShowing is Read for one profile that should show a pair. A file that another program
// is writing may be empty, cut off or away for a moment, so ReadShowing looks again, for 3 s
// at most, while a file is missing or was written in the last 2 s and the profile does not
// show a whole pair. It returns the last snapshot then, or the error of Read. When a file is
// still being written after that time, the error wraps context.DeadlineExceeded.
//
// Every program that signs a request waits for this, so the other profiles are left out of
// the snapshot wherever they cannot matter.
func (s *Store) ReadShowing(ctx context.Context, profile string) (*Snapshot, error) {
	waiting, cancel := context.WithTimeout(ctx, showingLimit)
	defer cancel()
	snap, err := s.readUntil(waiting, reading{expected: true, showing: profile}, func(snap *Snapshot) bool {
		p, ok := snap.FindProfile(profile)
		return ok && p.HandsOut() || !snap.isFresh(time.Now())
	})
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return s.readOnce(waiting, reading{showing: profile}) // one more look, which waits for nothing
	}
	return snap, err
}

// isFresh reports whether another program wrote one of the files a moment ago.
func (s *Snapshot) isFresh(now time.Time) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool {
		age := now.Sub(src.original.Info.ModTime)
		return age >= 0 && age < freshAge
	})
}

// FindProfile returns the profile with this name: the place of the pair that AWS readers
// take, which is the one in the credentials file when both files hold one.
func (s *Snapshot) FindProfile(name string) (Profile, bool) {
	found := -1
	for i, p := range s.Profiles {
		if p.Name == name && (found < 0 || s.Profiles[found].Key.IsZero() && !p.Key.IsZero()) {
			found = i
		}
	}
	if found < 0 {
		return Profile{}, false
	}
	return s.Profiles[found], true
}

// HandsOut reports whether the profile shows a whole static pair that any program may sign
// with: a long-term key of AWS's, or a key of another store.
func (p *Profile) HandsOut() bool {
	return (p.Skip == Rotatable || p.Skip == OtherStore) && p.Key.ID != "" && !p.Key.Secret.IsZero()
}
