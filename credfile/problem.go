package credfile

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem describes a part of a file that at least one AWS reader does not
// understand, or understands differently. It never quotes a value. Equal Problems
// are the same problem, so that duplicates in a list over several profiles can be
// removed.
type Problem struct {
	Path   string
	Line   int    // from 1; 0 when the problem concerns the whole file
	Text   string // what is wrong
	Remedy string // what a person can do about it
	Fatal  bool   // the cross-SDK rules refuse the whole file because of it
	Wide   bool   // some reader loses the whole file because of it, not just one profile
}

// Refusal is the error that says why keyd refuses a file or a change to it. The
// caller may rely on the file being unchanged. It never holds a secret.
type Refusal struct {
	Path   string
	Line   int    // from 1; 0 when no single line is to blame
	Text   string // lower-case, no full stop
	Remedy string // what a person can do about it
}

// Error returns "path:line: text", or "path: text" when Line is 0.
func (r *Refusal) Error() string {
	if r.Line == 0 && isPredicate(r.Text) {
		return r.Path + " " + r.Text
	}
	if r.Line == 0 {
		return r.Path + ": " + r.Text
	}
	return fmt.Sprintf("%s:%d: %s", r.Path, r.Line, r.Text)
}

// isPredicate reports whether a text continues a sentence whose subject is the file.
func isPredicate(text string) bool {
	for _, verb := range [...]string{"is ", "shows ", "does not "} {
		if strings.HasPrefix(text, verb) {
			return true
		}
	}
	return false
}

// wrap returns r with the package's name in front. Call it once per Refusal.
func (r *Refusal) wrap() error { return fmt.Errorf("credfile: %w", r) }

// newRefusal returns a Refusal for a line of f.
func (f *File) newRefusal(line int, remedy, format string, args ...any) *Refusal {
	return &Refusal{f.Path, line, fmt.Sprintf(format, args...), remedy}
}

// Err returns the first reason for which the cross-SDK rules refuse the whole
// file, as an error that wraps a *Refusal, or nil if they accept the file. Many
// readers are more lenient than these rules, and so are Profiles and Replace: the
// owner should hear of the error, but it is no reason to leave the file alone.
func (f *File) Err() error {
	for _, p := range f.Problems {
		if p.Fatal {
			return (&Refusal{p.Path, p.Line, p.Text, p.Remedy}).wrap()
		}
	}
	return nil
}

// addFatal adds a problem for which the cross-SDK rules refuse the whole file.
func (f *File) addFatal(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Fatal: true, Wide: true})
}

// addWide adds a problem for which some other reader loses the whole file.
func (f *File) addWide(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy, Wide: true})
}

// addMinor adds a problem that hides one profile, or a part of it, from some reader.
func (f *File) addMinor(line int, text, remedy string) {
	f.Problems = append(f.Problems, Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy})
}

// sortProblems orders the problems by line: Lex finds the duplicates last.
func (f *File) sortProblems() {
	slices.SortStableFunc(f.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// appendWarnings appends to ws how some readers see the pair p of s differently.
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
	if name, isConfig := strings.CutPrefix(s.Name, "profile "); isConfig && f.Kind == Credentials {
		ws = append(ws, f.newProblem(s.Line, "in this file the header of a profile has no word profile: the AWS CLI reads one that is called \""+s.Name+"\", and some AWS SDKs ignore it",
			"write ["+nameIfSafe(strings.TrimSpace(name))+"], if that profile was meant"))
	} else if s.Form == Ignored {
		ws = append(ws, f.newProblem(s.Line, "some AWS SDKs ignore a profile with this name", "name the profile with letters, digits and - _ / . % @ : + only"))
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

// appendValueWarnings appends to ws how some readers see one half of a pair
// differently.
func (f *File) appendValueWarnings(ws []Problem, p *Property) []Problem {
	if name := f.textBeforeValue(p); !bytes.HasPrefix(name, []byte(p.Name)) {
		ws = append(ws, f.newProblem(p.Line, "the first Go SDK and the JavaScript SDK do not find "+p.Name+" in capitals", "write the name in lower case"))
	}
	if p.Raw != p.Value {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI reads "+f.describeHalf(p)+" with the quotes around it", "remove the quotes"))
	}
	if p.Rest.End > p.Raw.End {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI reads "+f.describeHalf(p)+" with the comment after it", "put the comment on a line of its own"))
	}
	if len(p.More) > 0 {
		ws = append(ws, f.newProblem(p.Line, "the AWS CLI and the cross-SDK rules read "+f.describeHalf(p)+" with the indented lines below it", "remove the blanks before those lines"))
	}
	return ws
}

// textBeforeValue returns the text on p's line before its value.
func (f *File) textBeforeValue(p *Property) []byte {
	before := f.Data[bytes.LastIndexByte(f.Data[:p.Raw.Start], '\n')+1 : p.Raw.Start]
	if len(before) > 0 && isLetter(before[0]) {
		return before
	}
	return bytes.TrimLeft(before, " \t\ufeff")
}

// describeHalf returns a name for one half of a pair that may be shown to people.
func (f *File) describeHalf(p *Property) string {
	if p.Name != idName {
		return "the secret"
	}
	return cmp.Or(Short(idIfSafe(f.Text(p.Value))), "the id")
}

// newProblem returns a Problem that concerns a single profile.
func (f *File) newProblem(line int, text, remedy string) Problem {
	return Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy}
}

// warnOfProviders returns warnings about settings that some readers prefer to the
// pair found.
func (v *profileIndex) warnOfProviders(f *File, p *joinedProfile, s *Section, found pair) []Problem {
	if !found.isWhole() {
		return nil
	}
	switch skip, _ := v.findProvider(p); skip {
	case Role:
		if p.setting("source_profile") == p.name {
			return nil // the role is assumed with this same pair
		}
		return []Problem{f.newProblem(s.Line, "the profile also assumes a role: most readers sign with the role, not with the pair", "keep the pair and the role in two profiles")}
	case SSO:
		if p.setting("sso_account_id") == "" && p.setting("sso_role_name") == "" {
			return nil // the AWS CLI takes the settings for those of a bearer token
		}
		return []Problem{f.newProblem(s.Line, "the profile also signs in through IAM Identity Center: the AWS CLI prefers that to the pair", "remove what is not used")}
	case Login, CredentialProcess:
		if asked := p.asks(); asked != "" && f.Kind == Credentials {
			return []Problem{f.newProblem(s.Line, "the profile also asks keyd for "+asked+", but AWS readers prefer the pair here: programs that run do not follow a rotation", "put the pair below the header ["+asked+"], or remove the credential_process line")}
		}
		if f.Kind == Config {
			return []Problem{f.newProblem(s.Line, "the profile also has "+string(skip)+": the AWS CLI prefers that to a pair in the config file", "remove what is not used")}
		}
	}
	return nil
}

// warnOfSettings returns warnings about settings of a profile that decide where or as whom
// AWS is asked, and that not all readers, or not keyd, take into account.
func (v *profileIndex) warnOfSettings(p *joinedProfile) (ws []Problem) {
	if p.known {
		ws = append(ws, v.boto.disputedSettings(&p.boto)...)
	}
	for _, at := range p.sections {
		for _, block := range []string{"iam", "sts"} {
			if at.nestedValue(block, "endpoint_url") != "" {
				ws = append(ws, at.file.newProblem(at.findProperty(block).Line, "only awscli-plugin-endpoint reads endpoint_url below "+block+" in a profile: it does not count for keyd",
					"put it into a [services] section, and name that in the profile"))
			}
		}
		if s := at.section; v.boto != nil && at.file.Kind == Config && len(s.Properties) > 0 && p.boto.config.line != s.Line {
			ws = append(ws, at.file.newProblem(s.Line, "the AWS CLI does not read the settings below this header for profile "+p.name+", and neither does keyd",
				"write one header for the profile, as [profile name], a name with blanks in quotes"))
		}
	}
	return ws
}
