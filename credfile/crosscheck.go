package credfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// iniOptions bring ini.v1 as near to the AWS readers as it gets. Lines that it
// cannot take are passed over: other readers' quirks elsewhere in a section are
// no reason to refuse, a different value for the pair is.
func iniOptions() ini.LoadOptions {
	return ini.LoadOptions{
		InsensitiveKeys:          true,
		AllowNestedValues:        true,
		IgnoreContinuation:       true,
		SpaceBeforeInlineComment: true,
		PreserveSurroundedQuote:  true,
		KeyValueDelimiters:       "=",
		AllowNonUniqueSections:   true,
		SkipUnrecognizableLines:  true,
	}
}

var errSecondReader = errors.New("the second reader cannot read the section")

// iniSection reads the lines below one header with ini.v1, under a header of our
// own: an open quote in another section, or this one's header, must not decide.
// Of ini.v1 nothing is used that expands values, creates keys or writes files.
// Its errors quote whole lines and are therefore dropped.
func iniSection(body []byte) (map[string]string, error) {
	const header = "[x]\n"
	file, err := ini.LoadSources(iniOptions(), append([]byte(header), body...))
	if err != nil {
		return nil, errSecondReader
	}
	values := map[string]string{}
	for _, section := range file.Sections() {
		keys := section.Keys()
		if section.Name() != "x" && len(keys) > 0 {
			return nil, errSecondReader
		}
		for _, key := range keys {
			values[key.Name()] = key.Value()
		}
	}
	return values, nil
}

// crossCheck requires that the second reader finds the value of p where the
// lexer found it. They may differ in one point only: where an inline comment
// begins.
func (f *File) crossCheck(values map[string]string, p *Property) *Refusal {
	value, ok := values[p.Name]
	raw, rest := f.Text(p.Raw), f.Text(p.Rest)
	if ok && strings.HasPrefix(rest, value) && strings.HasPrefix(value, raw) {
		if behind := value[len(raw):]; behind == "" || isBlank(behind[0]) {
			return nil
		}
	}
	return f.newRefusal(p.Line, "write the line as `"+p.Name+" = ...` with nothing behind the value",
		"a second reader of the file sees another value for %s", p.Name)
}

// Pair reads the static pair of one section with ini.v1 and nothing of the
// lexer, so that what stands on disk is seen through other eyes before the new
// key is trusted. Section is Profile.Section. Only the lines of that section are
// given to ini.v1: loaded as a whole, a file fails for an open quote or a
// bracket in a section that is no concern of ours.
//
// The error names the section and never a value. A section that stands twice,
// is not there or holds half a pair is an error; the shape of the key is not
// looked at.
func Pair(data []byte, kind Kind, section string) (Key, error) {
	body, err := sectionBody(data, kind, section)
	if err != nil {
		return Key{}, err
	}
	values, err := iniSection(body)
	if err != nil {
		return Key{}, fmt.Errorf("credfile: read back [%s]: %w", section, err)
	}
	key := Key{ID: stripValue(values[idName]), Secret: NewSecret(stripValue(values[secretName]))}
	if key.ID == "" || key.Secret.IsZero() {
		return Key{}, fmt.Errorf("credfile: read back [%s]: there is no whole pair", section)
	}
	return key, nil
}

// sectionBody returns the lines between the header of section and the next one. A
// header is a line whose first character is a bracket: no more of the format is
// known here, on purpose.
func sectionBody(data []byte, kind Kind, section string) ([]byte, error) {
	var body []byte
	found, inside := 0, false
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		switch text, ok := bytes.CutPrefix(bytes.TrimLeft(line, " \t"), []byte("[")); {
		case ok:
			name, _, _ := bytes.Cut(text, []byte("]"))
			inside = sameSection(kind, string(name), section)
			if inside {
				found++
			}
		case inside:
			body = append(body, line...)
		}
	}
	if found != 1 {
		return nil, fmt.Errorf("credfile: read back: [%s] stands %d times in the file", section, found)
	}
	return body, nil
}

func sameSection(kind Kind, a, b string) bool {
	if kind == Config {
		return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
	}
	return strings.Trim(a, " \t") == b
}

// stripValue cuts off what ini.v1 leaves around a value: quotes, and a comment behind
// a tab.
func stripValue(value string) string {
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		value = value[:i]
	}
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return value
}
