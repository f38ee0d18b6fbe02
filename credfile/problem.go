package credfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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

func (f *File) newRefusal(line int, remedy, format string, args ...any) *Refusal {
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

func (f *File) addFatal(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Fatal: true, Wide: true})
}

func (f *File) addWide(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Wide: true})
}

func (f *File) addMinor(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy})
}

// sortProblems orders them by line: the duplicates are found last.
func (f *File) sortProblems() {
	slices.SortStableFunc(f.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// appendWarnings appends to ws what single readers make of one pair.
func (f *File) appendWarnings(ws []Problem, s *Section, p pair) []Problem {
	from, _ := slices.BinarySearchFunc(f.Problems, s.Line, func(q Problem, line int) int { return q.Line - line })
	for _, q := range f.Problems[from:] {
		if q.Line > s.Last {
			break
		}
		if !q.Wide {
			ws = append(ws, q)
		}
	}
	if s.Form == Ignored {
		ws = append(ws, f.newProblem(s.Line, "the cross-SDK rules pass over a profile with this name", "name the profile with letters, digits and - _ / . % @ : + only"))
	}
	if s.Name == "DEFAULT" {
		ws = append(ws, f.newProblem(s.Line, "the AWS CLI merges [DEFAULT] into every profile of the file", "write [default]"))
	}
	for _, q := range []*Property{p.id, p.secret} {
		if q != nil {
			ws = f.appendValueWarnings(ws, q)
		}
	}
	return ws
}

func (f *File) appendValueWarnings(ws []Problem, p *Property) []Problem {
	if name := f.textBeforeValue(p); !strings.HasPrefix(name, p.Name) {
		ws = append(ws, f.newProblem(p.Line, "the first Go SDK and the JavaScript SDK do not find "+p.Name+" in capitals", "write the name in lower case"))
	}
	if p.Raw != p.Value {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI reads "+f.describeHalf(p)+" with the quotes around it", "remove the quotes"))
	}
	if p.Rest.End > p.Raw.End {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI reads "+f.describeHalf(p)+" with the comment behind it", "put the comment on a line of its own"))
	}
	if len(p.More) > 0 {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI and the cross-SDK rules read "+f.describeHalf(p)+" with the indented lines below it", "remove the blanks before those lines"))
	}
	return ws
}

// textBeforeValue returns what stands on p's line before its value.
func (f *File) textBeforeValue(p *Property) string {
	start := p.Raw.Start
	for start > 0 && f.Data[start-1] != '\n' {
		start--
	}
	return strings.TrimLeft(f.Text(Span{start, p.Raw.Start}), " \t\ufeff")
}

// describeHalf returns the form of a half that people may see.
func (f *File) describeHalf(p *Property) string {
	if p.Name != idName {
		return "the secret"
	}
	return cmp.Or(Short(idIfSafe(f.Text(p.Value))), "the id")
}

func (f *File) newProblem(line int, text, remedy string) Problem {
	return Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy}
}

// warnOfProviders warns of settings that some readers prefer to the pair.
func (v *profileIndex) warnOfProviders(f *File, profile string, s *Section, p pair) []Problem {
	if !p.isWhole() {
		return nil
	}
	switch skip, _ := v.findProvider(profile); skip {
	case Role:
		if v.setting(profile, "source_profile") == profile {
			return nil // the role is assumed with this very pair
		}
		return []Problem{f.newProblem(s.Line, "the profile also assumes a role: most readers sign with the role, not with the pair", "keep the pair and the role in two profiles")}
	case SSO:
		return []Problem{f.newProblem(s.Line, "the profile also signs in through IAM Identity Center: the AWS CLI prefers that to the pair", "remove what is not used")}
	}
	return nil
}
