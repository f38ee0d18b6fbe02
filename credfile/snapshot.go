package credfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// Snapshot holds both files. Each is consistent in itself, but the two may be from
// different times: other programs may change one file while keyd reads the other.
type Snapshot struct {
	Credentials *File // nil if the file does not exist
	Config      *File // nil if the file does not exist
	Profiles    []Profile
	Skipped     []Problem // what stands in the place of a file and is none, so that nothing was read from it
	Links       []LinkedFile

	sources []source // the AWS files, then the linked files that could be read
}

// files returns the AWS files that exist, each as read from the disk.
func (s *Snapshot) files() iter.Seq2[*File, *atomicfile.Original] {
	return func(yield func(*File, *atomicfile.Original) bool) {
		for _, src := range s.sources {
			if f := src.file(); f != nil && !yield(f, src.original) {
				return
			}
		}
	}
}

// ProfilesHolding returns the profiles that show the key with this id, none for "".
func (s *Snapshot) ProfilesHolding(id string) []Profile {
	var holding []Profile
	for _, p := range s.Profiles {
		if id != "" && p.Key.ID == id {
			holding = append(holding, p)
		}
	}
	return holding
}

// SSOSessions returns the names of the sessions of IAM Identity Center in the config file.
func (s *Snapshot) SSOSessions() (names []string) {
	if s.Config == nil {
		return nil
	}
	for i := range s.Config.Sections {
		if prefix, name := splitHeader(s.Config.Sections[i].Name); prefix == "sso-session" {
			names = append(names, name)
		}
	}
	return names
}

// Ambiguous returns an error that wraps a *Refusal with file and line when the key
// appears in a form that keyd does not accept as a pair but other AWS readers may.
// Such a key is not gone, and it cannot be replaced. Ambiguous returns nil when there
// is no such place.
func (s *Snapshot) Ambiguous(id string) error {
	for f := range s.files() {
		if id == "" {
			break
		}
		if _, r := f.findByID(Key{ID: id}); r != nil {
			return r.wrap()
		}
	}
	return nil
}

// MayHold reports whether any AWS reader may find a key with this id in the file.
func (f *File) MayHold(id string) bool {
	if id == "" {
		return false
	}
	places, r := f.findByID(Key{ID: id})
	return len(places) > 0 || r != nil
}

// writingAge is the age below which another program may still be writing a file
// that looks incomplete.
const writingAge = 250 * time.Millisecond

// looksCutOff reports whether one of the files may be incomplete.
func (s *Snapshot) looksCutOff(now time.Time) bool {
	for f, original := range s.files() {
		age := now.Sub(original.Info.ModTime)
		ends := len(f.Data) == 0 || bytes.HasSuffix(f.Data, []byte("\n"))
		if age >= 0 && age < writingAge && (!ends || f.Err() != nil) {
			return true
		}
	}
	return false
}

// Read returns both files once no program is writing them. A program that truncates
// a file before it writes shows an empty or short file that looks complete. So when
// an expected key id or an expected file is missing, Read looks again for about
// 10 s before it returns the snapshot without it. That is no error: the caller uses
// ProfilesHolding to see which keys are there.
//
// A folder or a device in the place of a file is like no file, as it is to the AWS tools.
//
// When there is no credentials file, and no key in the config file, the error is a
// *NoKeyError, or wraps the *atomicfile.Refused of what is there instead. When a file
// never stops changing, it wraps atomicfile.ErrBusy. When a file cannot be read in its
// present state, it wraps an *atomicfile.Refused. That a linked file cannot be read is no
// error: LinkedFile.Err says it.
func (s *Store) Read(ctx context.Context, expect ...string) (*Snapshot, error) {
	return s.readUntil(ctx, reading{expected: len(expect) > 0}, func(snap *Snapshot) bool {
		return snap.holdsAll(expect)
	})
}

// reading says how long a reading waits.
type reading struct {
	expected bool   // for AWS files that are missing
	patient  bool   // for programs that are writing a linked file
	showing  string // the only profile that matters, if it hands out a pair; "" if all do
}

// readUntil reads until believe returns true or all waits are over.
func (s *Store) readUntil(ctx context.Context, how reading, believe func(*Snapshot) bool) (*Snapshot, error) {
	var b backoff
	for {
		snap, err := s.readOnce(ctx, how)
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case err != nil && !missing, missing && !how.expected, b.isSpent():
			return snap, err
		case !missing && !snap.looksCutOff(time.Now()) && believe(snap):
			return snap, nil
		}
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// readOnce reads all files once, with the errors of Read.
func (s *Store) readOnce(ctx context.Context, how reading) (*Snapshot, error) {
	snap := &Snapshot{}
	var instead error // what stands in the place of the credentials file
	for _, path := range s.paths() {
		o, err := atomicfile.Read(ctx, s.sys(), path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil && s.skipNoFile(snap, path) {
			if path == s.Paths.Credentials {
				instead = err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("credfile: %w", err)
		}
		file := s.Memo.lex(path, s.kindOf(path), o.Data)
		snap.sources = append(snap.sources, source{file, o})
		if file.Kind == Config {
			snap.Config = file
		} else {
			snap.Credentials = file
		}
	}
	if p, ok := findShowing(snap.Credentials, snap.Config, how.showing); ok {
		snap.Profiles = []Profile{p}
	} else {
		snap.Profiles = s.Memo.listProfiles(snap.Credentials, snap.Config)
	}
	if err := s.readLinks(ctx, snap, how.patient); err != nil {
		return nil, err
	}
	if snap.Credentials == nil && !snap.holdsAnyKey() && len(s.paths()) > 0 {
		if instead != nil {
			return nil, fmt.Errorf("credfile: %w", instead)
		}
		return nil, &NoKeyError{Paths: s.Paths, Profiles: snap.Profiles}
	}
	return snap, nil
}

// skipNoFile reports whether path leads to something that is no regular file. It adds that
// to snap.Skipped, unless it is a device: people name /dev/null when they want no file.
// Source: botocore, configloader.py: to the AWS tools, what is no file does not exist.
func (s *Store) skipNoFile(snap *Snapshot, path string) bool {
	real, err := atomicfile.Resolve(s.sys(), path)
	if err != nil {
		return false
	}
	info, err := s.sys().Lstat(real)
	if err != nil || info.Mode.IsRegular() {
		return false
	}
	if info.Mode&fs.ModeDevice == 0 {
		snap.Skipped = append(snap.Skipped, Problem{Path: path, Text: "is not a regular file: keyd reads nothing from it, and neither do other AWS tools",
			Remedy: "put a file in its place, or name another in AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE"})
	}
	return true
}

// holdsID reports whether the pair of any section has this id, even a section that
// is no profile.
func (s *Snapshot) holdsID(id string) bool {
	return slices.ContainsFunc(s.sources, func(src source) bool { return src.file() != nil && src.file().Holds(id) })
}

// holdsAll reports whether holdsID is true of each of ids.
func (s *Snapshot) holdsAll(ids []string) bool {
	if len(ids) == 0 {
		return true
	}
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	for f := range s.files() {
		f.eachID(func(id []byte) { delete(missing, string(id)) })
	}
	return len(missing) == 0
}

// holdsAnyKey reports whether any profile shows an id or a secret.
func (s *Snapshot) holdsAnyKey() bool {
	return slices.ContainsFunc(s.Profiles, func(p Profile) bool { return !p.Key.IsZero() })
}
