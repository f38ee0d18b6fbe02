package credfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"keyd/credfile/readers"
)

// The names of the properties that make up a static credential.
const (
	idName     = "aws_access_key_id"
	secretName = "aws_secret_access_key"
)

// tokenNames holds both names of the session token. The AWS CLI reads boto's old
// name first.
var tokenNames = [...]string{"aws_session_token", "aws_security_token"}

// credentialName returns the name of the credential property that some reader
// sees in name, even if name is in quotes, ends before a colon, or has blanks
// around it other than spaces and tabs. It returns "" for all other names.
func credentialName(name string) string {
	switch {
	case name == idName, name == secretName:
		return name
	case !strings.Contains(name, "aws_"):
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

// isPlainName reports whether the cross-SDK rules allow name for a profile or a
// property. They ignore profiles and properties with other names.
func isPlainName(name string) bool {
	for i := range len(name) {
		if !isLetter(name[i]) && !isDigit(name[i]) && strings.IndexByte("_-/.%@:+", name[i]) < 0 {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isBlank(c byte) bool  { return c == ' ' || c == '\t' }

// trimBlanks returns s without the spaces and tabs at its ends. No other
// character is blank to the cross-SDK rules.
func (f *File) trimBlanks(s Span) Span {
	for s.Start < s.End && isBlank(f.Data[s.Start]) {
		s.Start++
	}
	for s.Start < s.End && isBlank(f.Data[s.End-1]) {
		s.End--
	}
	return s
}

// cutComment returns the value in s, the text after the '=': it cuts off an inline
// comment, which begins at the first '#' or ';' that follows a blank, and trims
// the rest.
func (f *File) cutComment(s Span) Span {
	mark := indexMark(f.Data[s.Start:s.End])
	if mark < 0 {
		return f.trimBlanks(s)
	}
	for i := s.Start + max(mark, 1); i < s.End; i++ {
		if c := f.Data[i]; (c == '#' || c == ';') && isBlank(f.Data[i-1]) {
			s.End = i
			break
		}
	}
	return f.trimBlanks(s)
}

// indexMark returns the offset of the first '#' or ';', or -1.
func indexMark(text []byte) int {
	n := bytes.IndexByte(text, '#')
	if n >= 0 {
		text = text[:n]
	}
	if m := bytes.IndexByte(text, ';'); m >= 0 {
		return m
	}
	return n
}

// unquote returns s without one pair of surrounding quotes.
func (f *File) unquote(s Span) Span {
	if n := s.End - s.Start; n >= 2 {
		if q := f.Data[s.Start]; (q == '"' || q == '\'') && f.Data[s.End-1] == q {
			return Span{s.Start + 1, s.End - 1}
		}
	}
	return s
}

// lowerText returns the text of s with its ASCII letters in lower case.
func lowerText(data []byte, s Span) string {
	for _, name := range usualNames {
		if string(data[s.Start:s.End]) == name {
			return name
		}
	}
	return strings.ToLower(string(data[s.Start:s.End]))
}

// usualNames are the names of nearly all properties. A large file has each of them
// thousands of times, and one text for all will do.
var usualNames = [...]string{idName, secretName, "region", "output", tokenNames[0], "role_arn", "source_profile"}

// checkEncoding notes problems of the encoding of the whole file and skips a byte
// order mark.
func (l *lexer) checkEncoding() {
	const utf8Remedy = "save the file as UTF-8 without a byte order mark"
	switch {
	case bytes.HasPrefix(l.Data, []byte("\xef\xbb\xbf")):
		l.start = 3
		l.addFatal(1, "the file begins with a byte order mark: the AWS CLI refuses it and the Go SDK takes it for empty", utf8Remedy)
	case bytes.HasPrefix(l.Data, []byte("\xff\xfe")), bytes.HasPrefix(l.Data, []byte("\xfe\xff")):
		l.addFatal(1, "the file is UTF-16, which no AWS reader accepts", utf8Remedy)
	case !utf8.Valid(l.Data):
		line := 1
		for text := range bytes.Lines(l.Data) {
			if !utf8.Valid(text) {
				break
			}
			line++
		}
		l.addWide(line, "the line is not UTF-8: the AWS CLI refuses the whole file", "save the file as UTF-8")
	}
}

// findDuplicates notes sections and properties that appear twice: the AWS CLI
// refuses the whole file, and other readers disagree on which one counts.
func (l *lexer) findDuplicates() {
	headers := make(map[headerName]int, len(l.Sections))
	names := make(map[string]int)
	for i := range l.Sections {
		s := &l.Sections[i]
		header := normalHeader(l.Kind, s.Name)
		if first, ok := headers[header]; ok {
			s.DuplicateLine, l.Sections[first].DuplicateLine = l.Sections[first].Line, s.Line
			if s.Name == l.Sections[first].Name {
				l.addWide(s.Line, fmt.Sprintf("[%s] also appears in line %d: the AWS CLI refuses the whole file", s.Name, s.DuplicateLine),
					"put the lines of both under one header")
			} else {
				l.addMinor(s.Line, fmt.Sprintf("[%s] names the same profile as line %d: the AWS CLI uses the lines of the last one only", s.Name, s.DuplicateLine),
					"put the lines of both under one header")
			}
		} else {
			headers[header] = i
		}
		if s.mayDouble() {
			clear(names)
			l.findDoubled(s, names)
		}
	}
}

// mayDouble reports whether a property may appear twice in s. It is certain for short
// sections only.
func (s *Section) mayDouble() bool {
	if len(s.Properties) > 8 {
		return true
	}
	for i := range s.Properties {
		for j := range s.Properties[:i] {
			if s.Properties[i].Name == s.Properties[j].Name {
				return true
			}
		}
	}
	return false
}

// findDoubled notes properties that appear twice in s. names is empty, and is overwritten.
// When two lines are glued together, doubled lines below are a consequence, and removing
// one of them would lose a key.
func (l *lexer) findDoubled(s *Section, names map[string]int) {
	glued := false
	for _, p := range s.Properties {
		line, doubled := names[p.Name]
		names[p.Name] = p.Line
		if !doubled || p.Form == Loose || glued {
			continue
		}
		remedy := "remove one of the two lines"
		if credentialName(p.Name) != "" {
			if r := l.glueFlaw(s, true); r != nil {
				l.addWide(r.Line, r.Text+": the AWS CLI refuses the whole file", r.Remedy)
				glued = true
				continue
			}
			remedy = doubledRemedy
		}
		l.addWide(p.Line, fmt.Sprintf("%s also appears in line %d: the AWS CLI refuses the whole file", nameIfSafe(p.Name), line), remedy)
	}
}

// doubledRemedy is the remedy for half a pair that is set twice: the lines may belong to two
// keys.
const doubledRemedy = "keep the one that counts, and put a second key below a header of its own"

// nameIfSafe returns name, or "the property" when name could be a secret that was
// pasted into a line of its own. Some secrets end with an '=', so that such a line
// looks like a property.
func nameIfSafe(name string) string {
	if len(name) > 32 || !isPlainName(name) || strings.ContainsAny(name, "/+:") {
		return "the property"
	}
	return name
}

// splitHeader splits "profile dev" at the blanks after its first word. The prefix is
// "" for a single word.
func splitHeader(section string) (prefix, name string) {
	i := 0
	for i < len(section) && !isBlank(section[i]) {
		i++
	}
	if i == 0 || i == len(section) {
		return "", section
	}
	return section[:i], strings.TrimLeft(section[i:], " \t")
}

// headerName is what a header names: the word in front of it, if any, and the name.
type headerName struct{ prefix, name string }

// normalHeader returns the same for all spellings of one header.
func normalHeader(kind Kind, section string) headerName {
	if kind == Config && section != "default" {
		if name, ok := profileName(kind, section); ok {
			return headerName{"profile", name}
		}
	}
	prefix, name := splitHeader(section)
	return headerName{prefix, name}
}

// hasMeaning reports whether the cross-SDK rules know sections with this header.
func hasMeaning(kind Kind, section string) bool {
	prefix, name := splitHeader(section)
	if kind == Credentials {
		return prefix == "" && isPlainName(name)
	}
	switch prefix {
	case "":
		return name == "default"
	case "profile", "sso-session", "services":
		return isPlainName(name)
	}
	return false
}

// profileName returns the name of the profile that a section belongs to, and
// whether there is one. In the credentials file the name is the whole header:
// [profile dev] there belongs to the profile "profile dev", not to dev, and quotes
// are a part of the name. In the config file quotes and backslashes mean what they
// mean in a shell; a name that has blanks without them is one that botocore does not
// find, and other readers do.
func profileName(kind Kind, section string) (string, bool) {
	if kind == Credentials {
		return section, section != ""
	}
	if name, ok := readers.NamedBy("profile", section); ok {
		return name, name != ""
	}
	switch prefix, name := splitHeader(section); {
	case prefix == "profile":
		return name, name != ""
	case section == "default":
		return section, true
	}
	return "", false
}
