package copies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say what to search for, and where.
type Options struct {
	// IDs are whole access key ids: at least minIDLength letters and digits each. Repeated
	// ones count once.
	IDs []string
	// Home is the home folder, as an absolute path. It is searched unless Roots is set,
	// and the kinds of files are recognised by their paths below it.
	Home string
	// Roots are folders or files to search in place of Home, as absolute paths. A person
	// has named them, so a root is searched even where Home's search would leave it out:
	// on a network file system, or in a folder of a name that holds no configuration.
	Roots []string
	// Also are further files and folders to search, as absolute paths; those that do not
	// exist are no error.
	Also []string
	// Own are files and folders that may hold the ids and are no copies, as absolute
	// paths: the AWS files that keyd rotates, and its own state folder. They are not
	// searched.
	Own []string
	// Low is for a search that nobody waits for: one worker, at the lowest priority that
	// the system has for processor and disk, which pauses about as long as it works.
	Low bool
	// Ask means that a person is there to answer when macOS asks whether the program may
	// read a protected folder, such as Documents. Otherwise those folders are left out,
	// and the report says so.
	Ask bool
	// Progress is called about ten times a second from one goroutine while the search
	// runs; nil: nobody watches.
	Progress func(Progress)
}

// Progress is how far a search has come.
type Progress struct {
	Files  int64 // files that were searched
	Bytes  int64 // bytes that were searched
	Copies int   // files that hold an id
}

// Report is what a search found. It holds no secret and nothing else of the contents of
// a file, so that it may be stored as JSON.
type Report struct {
	Copies []Copy `json:"copies"` // by path; at most MaxCopies
	Summary
}

// Summary says what was searched, and what was not.
type Summary struct {
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Roots  []string  `json:"roots"`           // what was searched
	Files  int64     `json:"files"`           // how many files were searched
	Bytes  int64     `json:"bytes"`           // how many bytes were searched
	More   int       `json:"more,omitzero"`   // how many files with an id were found beyond MaxCopies
	Gaps   []Gap     `json:"gaps,omitzero"`   // what was not searched, most important first
	Errors []string  `json:"errors,omitzero"` // why a root could not be searched at all
}

// The bounds of a report. A search costs bounded memory however many copies there are.
const (
	MaxCopies = 2000 // files in a report
	MaxPlaces = 20   // places in a file
)

// minIDLength is the length of the shortest key id: those of AWS have 16 characters at least,
// those of other IAMs twelve. A shorter word would be in many files by chance.
// Source: IAM API reference, accessKeyIdType; credfile, othershape.go.
const minIDLength = 12

// Search finds the files that hold one of the ids. It returns what it has found so far
// together with the cause when ctx ends first, which it notices between two reads.
// Other errors mean that the options make no sense; what could not be read is in the
// report.
func Search(ctx context.Context, o Options) (Report, error) {
	m, err := newMatcher(o.IDs)
	if err != nil {
		return Report{}, err
	}
	roots := o.Roots
	if len(roots) == 0 {
		roots = []string{o.Home}
	}
	for _, path := range slices.Concat(roots, o.Also, o.Own) {
		if !filepath.IsAbs(path) {
			return Report{}, fmt.Errorf("copies: %q is not an absolute path", path)
		}
	}
	s := newSearch(ctx, o, m)
	s.report.Began, s.report.Roots = time.Now(), roots
	stop := s.watchProgress(o.Progress)
	s.run(roots)
	stop()
	r := s.finish()
	if err := context.Cause(ctx); err != nil {
		return r, err
	}
	return r, nil
}

// finish puts the report in order.
func (s *search) finish() Report {
	r := s.report
	r.Ended = time.Now()
	r.Files, r.Bytes = s.files.Load(), s.bytes.Load()
	slices.SortFunc(r.Copies, func(a, b Copy) int { return cmp.Compare(a.Path, b.Path) })
	r.Copies = slices.CompactFunc(r.Copies, func(a, b Copy) bool { return a.Path == b.Path }) // roots may overlap
	r.Gaps = s.gaps.list()
	return r
}

// watchProgress reports the progress until the returned function is called.
func (s *search) watchProgress(report func(Progress)) (stop func()) {
	if report == nil {
		return func() {}
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.mu.Lock()
				found := len(s.report.Copies) + s.report.More
				s.mu.Unlock()
				report(Progress{s.files.Load(), s.bytes.Load(), found})
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-done }
}

// countWorkers returns how many folders are read at a time: more than there are
// processors, because a disk answers several questions at once.
func countWorkers(low bool) int {
	if low {
		return 1
	}
	return min(max(2*runtime.GOMAXPROCS(0), 4), 16)
}

// checkIDs returns the ids, each once, or an error for one that is none.
func checkIDs(ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, errors.New("copies: there is no key id to search for")
	}
	for _, id := range ids {
		if len(id) < minIDLength || len(id) > maxIDLength || strings.ContainsFunc(id, func(r rune) bool { return r > 'z' || !isAlnum(byte(r)) }) {
			return nil, errors.New("copies: a value to search for does not have the shape of a key id") // it may be a secret: not named
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(ids))), nil
}

// maxIDLength is the length of the longest key id.
// Source: IAM API reference, accessKeyIdType.
const maxIDLength = 128
