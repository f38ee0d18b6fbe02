package credfile

import (
	"cmp"
	"slices"
	"strings"
)

// warnings appends to ws what single readers make of one pair.
func (f *File) warnings(ws []Problem, s *Section, p pair) []Problem {
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
		ws = append(ws, f.warning(s.Line, "the cross-SDK rules pass over a profile with this name", "name the profile with letters, digits and - _ / . % @ : + only"))
	}
	if s.Name == "DEFAULT" {
		ws = append(ws, f.warning(s.Line, "the AWS CLI merges [DEFAULT] into every profile of the file", "write [default]"))
	}
	for _, q := range []*Property{p.id, p.secret} {
		if q != nil {
			ws = f.valueWarnings(ws, q)
		}
	}
	return ws
}

func (f *File) valueWarnings(ws []Problem, p *Property) []Problem {
	if name := f.lineStart(p); !strings.HasPrefix(name, p.Name) {
		ws = append(ws, f.warning(p.Line, "the first Go SDK and the JavaScript SDK do not find "+p.Name+" in capitals", "write the name in lower case"))
	}
	if p.Raw != p.Value {
		ws = append(ws, f.warning(p.Line, "the AWS CLI reads "+f.shown(p)+" with the quotes around it", "remove the quotes"))
	}
	if p.Rest.End > p.Raw.End {
		ws = append(ws, f.warning(p.Line, "the AWS CLI reads "+f.shown(p)+" with the comment behind it", "put the comment on a line of its own"))
	}
	if len(p.More) > 0 {
		ws = append(ws, f.warning(p.Line, "the AWS CLI and the cross-SDK rules read "+f.shown(p)+" with the indented lines below it", "remove the blanks before those lines"))
	}
	return ws
}

// lineStart returns what stands on p's line before its value.
func (f *File) lineStart(p *Property) string {
	start := p.Raw.Start
	for start > 0 && f.Data[start-1] != '\n' {
		start--
	}
	return strings.TrimLeft(f.Text(Span{start, p.Raw.Start}), " \t\ufeff")
}

// shown returns the form of a half that people may see.
func (f *File) shown(p *Property) string {
	if p.Name != idName {
		return "the secret"
	}
	return cmp.Or(Short(tellable(f.Text(p.Value))), "the id")
}

func (f *File) warning(line int, text, remedy string) Problem {
	return Problem{Path: f.Path, Line: line, Text: text, Remedy: remedy}
}

// otherProviders warns of settings that some readers prefer to the pair.
func (v *view) otherProviders(f *File, profile string, s *Section, p pair) []Problem {
	if !p.whole() {
		return nil
	}
	switch skip, _ := v.provider(profile); skip {
	case Role:
		if v.get(profile, "source_profile") == profile {
			return nil // the role is assumed with this very pair
		}
		return []Problem{f.warning(s.Line, "the profile also assumes a role: most readers sign with the role, not with the pair", "keep the pair and the role in two profiles")}
	case SSO:
		return []Problem{f.warning(s.Line, "the profile also signs in through IAM Identity Center: the AWS CLI prefers that to the pair", "remove what is not used")}
	}
	return nil
}
