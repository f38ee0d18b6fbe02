package credfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// Snapshot is both files as they were at one time, each by itself: nothing
// stops other programs from changing one while the other is read.
type Snapshot struct {
	Credentials *File // nil when there is no such file
	Config      *File // nil when there is no such file
	Profiles    []Profile

	sources []source
}

// source is one file that exists.
type source struct {
	file     *File
	original *atomicfile.Original
}

// Holding returns the profiles that show the key id.
func (s *Snapshot) Holding(id string) []Profile {
	var holding []Profile
	for _, p := range s.Profiles {
		if id != "" && p.Key.ID == id {
			holding = append(holding, p)
		}
	}
	return holding
}

// Doubt says where a key stands in a form that keyd does not take for a pair, and
// other AWS readers may: a *Refusal with file and line. Such a key is neither
// gone nor can it be replaced. Nil when there is no such place.
func (s *Snapshot) Doubt(id string) error {
	for _, src := range s.sources {
		if id == "" {
			break
		}
		if _, r := src.file.findByID(Key{ID: id}); r != nil {
			return r.wrap()
		}
	}
	return nil
}

// Stands reports whether the file shows a key with this id to any AWS reader.
func (f *File) Stands(id string) bool {
	if id == "" {
		return false
	}
	places, r := f.findByID(Key{ID: id})
	return len(places) > 0 || r != nil
}

// writingAge is the age below which a file that looks cut off may be one that is
// still being written.
const writingAge = 250 * time.Millisecond

// looksCutOff reports whether one of the files may end before its end.
func (s *Snapshot) looksCutOff(now time.Time) bool {
	for _, src := range s.sources {
		age := now.Sub(src.original.Info.ModTime)
		ends := len(src.file.Data) == 0 || bytes.HasSuffix(src.file.Data, []byte("\n"))
		if age >= 0 && age < writingAge && (!ends || src.file.Err() != nil) {
			return true
		}
	}
	return false
}

// Read returns both files once they hold still. Programs that truncate and
// write show empty and short files that look whole, so a snapshot in which no
// profile shows one of the expected key ids is only believed after looking
// again for about 10 s; so is a file that vanished. It is then returned
// without an error: the caller asks Holding.
//
// Without a credentials file and without keys in the config file the error
// wraps fs.ErrNotExist. A file that is never still is atomicfile.ErrBusy; one
// that cannot be read as it stands is an *atomicfile.Refused.
func (s *Store) Read(ctx context.Context, expect ...string) (*Snapshot, error) {
	return s.readUntil(ctx, len(expect) > 0, func(snap *Snapshot) bool {
		for _, id := range expect {
			if !snap.holdsID(id) {
				return false
			}
		}
		return true
	})
}

// readUntil looks until believe says yes, or all waits are over. A missing file is
// looked for again when it is expected.
func (s *Store) readUntil(ctx context.Context, expected bool, believe func(*Snapshot) bool) (*Snapshot, error) {
	var b backoff
	for {
		snap, err := s.readOnce(ctx)
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case err != nil && !missing, missing && !expected, b.isSpent():
			return snap, err
		case !missing && !snap.looksCutOff(time.Now()) && believe(snap):
			return snap, nil
		}
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// readOnce reads both files once.
func (s *Store) readOnce(ctx context.Context) (*Snapshot, error) {
	snap := &Snapshot{}
	for _, path := range s.paths() {
		o, err := atomicfile.Read(ctx, s.sys(), path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("credfile: %w", err)
		}
		file := Lex(path, s.kindOf(path), o.Data)
		snap.sources = append(snap.sources, source{file, o})
		if file.Kind == Config {
			snap.Config = file
		} else {
			snap.Credentials = file
		}
	}
	snap.Profiles = Profiles(snap.Credentials, snap.Config)
	if snap.Credentials == nil && !snap.holdsAnyKey() {
		return nil, fmt.Errorf("credfile: no key in %s or %s: %w; create one with: aws configure",
			s.Paths.Credentials, s.Paths.Config, fs.ErrNotExist)
	}
	return snap, nil
}

// holdsID reports whether the pair of any section has this id, also where no
// reader sees a profile.
func (s *Snapshot) holdsID(id string) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool { return src.file.Holds(id) })
}

func (s *Snapshot) holdsAnyKey() bool {
	return slices.ContainsFunc(s.Profiles, func(p Profile) bool { return !p.Key.IsZero() })
}
