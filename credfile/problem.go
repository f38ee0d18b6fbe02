package credfile

import (
	"cmp"
	"fmt"
	"slices"
)

// Problem is something that one or more AWS readers stumble over. It never
// quotes a value. Two equal Problems are the same one, so that a list of them
// over several profiles can be compacted.
type Problem struct {
	Path   string
	Line   int    // from 1; 0 when it concerns the file as a whole
	Text   string // what is there
	Remedy string // what to do
	Fatal  bool   // the cross-SDK rules refuse the whole file for it
	Wide   bool   // some reader loses the whole file for it, not one profile
}

// Refusal says why a file, or a change to it, is refused. Whoever gets one may
// rely on nothing having been changed. It never holds a secret.
type Refusal struct {
	Path   string
	Line   int    // from 1; 0 when no single line is to blame
	Text   string // lower-case, no full stop
	Remedy string // what a person can do about it
}

// Error returns "path:line: text".
func (r *Refusal) Error() string {
	if r.Line == 0 {
		return r.Path + ": " + r.Text
	}
	return fmt.Sprintf("%s:%d: %s", r.Path, r.Line, r.Text)
}

// wrap puts the package's name before r, once.
func (r *Refusal) wrap() error { return fmt.Errorf("credfile: %w", r) }

func (f *File) refusal(line int, remedy, format string, args ...any) *Refusal {
	return &Refusal{f.Path, line, fmt.Sprintf(format, args...), remedy}
}

// Err returns what the cross-SDK rules refuse the whole file for, the first
// line first, as an error that holds a *Refusal, or nil. Many readers are more
// lenient than these rules, and so are Profiles and Replace: a file with an Err
// is a reason to tell its owner, not a reason to do nothing.
func (f *File) Err() error {
	for _, p := range f.Problems {
		if p.Fatal {
			return (&Refusal{p.Path, p.Line, p.Text, p.Remedy}).wrap()
		}
	}
	return nil
}

func (f *File) fatal(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Fatal: true, Wide: true})
}

func (f *File) wide(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Wide: true})
}

func (f *File) minor(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy})
}

// sortProblems orders them by line: the duplicates are found last.
func (f *File) sortProblems() {
	slices.SortStableFunc(f.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
