package credfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The names of the properties that make up a static credential.
const (
	idName     = "aws_access_key_id"
	secretName = "aws_secret_access_key"
)

// tokenNames are both spellings of the session token: boto's old one is read
// first by the AWS CLI.
var tokenNames = [...]string{"aws_session_token", "aws_security_token"}

// keyName returns the name of the credential property that some reader takes
// name for: it may stand in quotes, before a colon, or beside blanks that are
// neither a space nor a tab. It returns "" for all other names.
func keyName(name string) string {
	if !strings.Contains(name, "aws_") {
		return ""
	}
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
	switch name {
	case idName, secretName, tokenNames[0], tokenNames[1]:
		return name
	}
	return ""
}

// validName reports whether the cross-SDK rules allow name for a profile or a
// property; they ignore any other.
func validName(name string) bool {
	for i := range len(name) {
		if !letter(name[i]) && !digit(name[i]) && strings.IndexByte("_-/.%@:+", name[i]) < 0 {
			return false
		}
	}
	return name != ""
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
func blank(c byte) bool  { return c == ' ' || c == '\t' }

// trim narrows s by the spaces and tabs at its ends. No other character is
// blank to the cross-SDK rules.
func (f *File) trim(s Span) Span {
	for s.Start < s.End && blank(f.Data[s.Start]) {
		s.Start++
	}
	for s.Start < s.End && blank(f.Data[s.End-1]) {
		s.End--
	}
	return s
}

// value narrows what stands behind the '=' to the value: a comment begins at
// the first '#' or ';' that follows a blank.
func (f *File) value(s Span) Span {
	for i := s.Start + 1; i < s.End; i++ {
		if c := f.Data[i]; (c == '#' || c == ';') && blank(f.Data[i-1]) {
			s.End = i
			break
		}
	}
	return f.trim(s)
}

func (f *File) unquote(s Span) Span {
	if n := s.End - s.Start; n >= 2 {
		if q := f.Data[s.Start]; (q == '"' || q == '\'') && f.Data[s.End-1] == q {
			return Span{s.Start + 1, s.End - 1}
		}
	}
	return s
}

// lower returns the text of s with its ASCII letters in lower case.
func lower(data []byte, s Span) string {
	return strings.ToLower(string(data[s.Start:s.End]))
}

// encoding notes what is wrong with the file before its first line, and skips a
// byte order mark.
func (l *lexer) encoding() {
	const utf8Remedy = "save the file as UTF-8 without a byte order mark"
	switch {
	case bytes.HasPrefix(l.Data, []byte("\xef\xbb\xbf")):
		l.start = 3
		l.fatal(1, "the file begins with a byte order mark: the AWS CLI refuses it and the Go SDK takes it for empty", utf8Remedy)
	case bytes.HasPrefix(l.Data, []byte("\xff\xfe")), bytes.HasPrefix(l.Data, []byte("\xfe\xff")):
		l.fatal(1, "the file is UTF-16, which no AWS reader takes", utf8Remedy)
	case !utf8.Valid(l.Data):
		line := 1
		for text := range bytes.Lines(l.Data) {
			if !utf8.Valid(text) {
				break
			}
			line++
		}
		l.wide(line, "the line is not UTF-8: the AWS CLI refuses the whole file", "save the file as UTF-8")
	}
}

// duplicates notes sections and properties that stand twice: the AWS CLI
// refuses the whole file, and the others disagree on which one counts.
func (l *lexer) duplicates() {
	headers := make(map[string]int, len(l.Sections))
	names := make(map[string]int)
	for i := range l.Sections {
		s := &l.Sections[i]
		if first, ok := headers[identity(s.Name)]; ok {
			s.Twin, l.Sections[first].Twin = l.Sections[first].Line, s.Line
			l.wide(s.Line, fmt.Sprintf("[%s] stands in line %d too: the AWS CLI refuses the whole file", s.Name, s.Twin),
				"put the lines of both under one header")
		} else {
			headers[identity(s.Name)] = i
		}
		clear(names)
		for _, p := range s.Properties {
			if line, ok := names[p.Name]; ok && p.Form != Loose {
				l.wide(p.Line, fmt.Sprintf("%s stands in line %d too: the AWS CLI refuses the whole file", shownName(p.Name), line),
					"remove one of the two lines")
			}
			names[p.Name] = p.Line
		}
	}
}

// shownName returns name, or a word for it when it could be a secret that
// somebody pasted into a line of its own: those end with an '=' now and then.
func shownName(name string) string {
	if len(name) > 32 || !validName(name) || strings.ContainsAny(name, "/+:") {
		return "the property"
	}
	return name
}

// cutPrefix splits "profile dev" at the blanks behind its first word.
func cutPrefix(section string) (prefix, name string) {
	if i := strings.IndexAny(section, " \t"); i > 0 {
		return section[:i], strings.TrimLeft(section[i:], " \t")
	}
	return "", section
}

// identity returns the same text for all spellings of one header.
func identity(section string) string {
	if prefix, name := cutPrefix(section); prefix != "" {
		return prefix + " " + name
	}
	return section
}

// known reports whether the cross-SDK rules give a section a meaning.
func known(kind Kind, section string) bool {
	prefix, name := cutPrefix(section)
	if kind == Credentials {
		return prefix == "" && validName(name)
	}
	switch prefix {
	case "":
		return name == "default"
	case "profile", "sso-session", "services":
		return validName(name)
	}
	return false
}

// profileName returns the name under which a section's profile is asked for. In
// the credentials file that is the whole header, "profile dev" included, which
// is not the profile dev there.
func profileName(kind Kind, section string) (string, bool) {
	if kind == Credentials {
		return section, section != ""
	}
	switch prefix, name := cutPrefix(section); {
	case prefix == "profile":
		return name, name != ""
	case section == "default":
		return section, true
	}
	return "", false
}
