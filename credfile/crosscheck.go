package credfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/ini.v1"
)

// iniOptions returns the options that bring ini.v1 closest to the AWS readers.
// ini.v1 skips lines that it cannot parse: a line elsewhere in the section that
// only some readers understand is no reason to refuse an edit. A different value
// for the pair is.
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

// iniSection reads the lines below one header with ini.v1. It puts its own
// header above them, so that neither an open quote in another section nor the
// real header can affect the result. It uses no function of ini.v1 that expands
// values, creates keys or writes files. It drops the errors of ini.v1, because
// they quote whole lines.
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
// lexer found it. The two may disagree only about where an inline comment
// begins.
func (f *File) crossCheck(values map[string]string, p *Property) *Refusal {
	value, ok := values[p.Name]
	raw, rest := f.Text(p.Raw), f.Text(p.Rest)
	if ok && strings.HasPrefix(rest, value) && strings.HasPrefix(value, raw) {
		if after := value[len(raw):]; after == "" || isBlank(after[0]) {
			return nil
		}
	}
	return f.newRefusal(p.Line, "write the line as `"+p.Name+" = ...` with nothing after the value",
		"a second reader of the file sees another value for %s", p.Name)
}

// ReadPair reads the static pair of one section with ini.v1. It shares no code with
// the lexer, so that an independent reader confirms what is on disk before the
// new key is trusted. section is a Profile.Section. ReadPair gives ini.v1 only the
// lines of that section: loading the whole file would fail on an open quote or a
// bracket in a section that does not matter here.
//
// A section that is missing, appears twice or holds half a pair is an error. The
// error names the section and never quotes a value. ReadPair does not check the
// shape of the key.
func ReadPair(data []byte, kind Kind, section string) (Key, error) {
	return sectionBodies(data, kind, []string{section})[0].readPair(section)
}

// sectionBody is what stands below the headers of one name.
type sectionBody struct {
	found int    // how often the header stands in the file
	lines []byte // below the last one of them
}

// readPair is ReadPair for the section of this name.
func (b sectionBody) readPair(section string) (Key, error) {
	if b.found != 1 {
		return Key{}, fmt.Errorf("credfile: read back: [%s] appears %d times in the file", section, b.found)
	}
	values, err := iniSection(b.lines)
	if err != nil {
		return Key{}, fmt.Errorf("credfile: read back [%s]: %w", section, err)
	}
	key := Key{ID: stripValue(values[idName]), Secret: NewSecret(stripValue(values[secretName]))}
	if key.ID == "" || key.Secret.IsZero() {
		return Key{}, fmt.Errorf("credfile: read back [%s]: the section holds no complete pair", section)
	}
	return key, nil
}

// sectionBodies returns for each section the lines between its header and the next
// header. It takes every line whose first character is a bracket for a header, but for
// an indented one without the other bracket, which no reader takes for one.
// It knows no more of the format on purpose, so that it cannot share a mistake
// with the lexer.
func sectionBodies(data []byte, kind Kind, sections []string) []sectionBody {
	bodies := make([]sectionBody, len(sections))
	wanted := make(map[string]int, len(sections))
	for i, name := range sections {
		wanted[normalSection(kind, []byte(name))] = i
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	inside, body := -1, 0 // the section of the line, and where its lines begin
	finish := func(end int) {
		if inside >= 0 {
			bodies[inside].lines = data[body:end]
		}
	}
	for line := 0; line < len(data); { // only lines with a bracket matter
		bracket := bytes.IndexByte(data[line:], '[')
		if bracket < 0 {
			break
		}
		bracket += line
		line += bytes.LastIndexByte(data[line:bracket], '\n') + 1
		next := len(data)
		if n := bytes.IndexByte(data[bracket:], '\n'); n >= 0 {
			next = bracket + n + 1
		}
		name, _, closed := bytes.Cut(data[bracket+1:next], []byte("]"))
		if blanks := bytes.TrimLeft(data[line:bracket], " \t"); len(blanks) == 0 && (closed || line == bracket) {
			finish(line)
			inside, body = -1, next
			if i, ok := wanted[normalSection(kind, name)]; ok {
				inside = i
				bodies[i].found++
			}
		}
		line = next
	}
	finish(len(data))
	return bodies
}

// normalSection returns the same text for all headers that name the same section.
func normalSection(kind Kind, header []byte) string {
	if kind == Config {
		return strings.Join(strings.Fields(string(header)), " ")
	}
	return string(bytes.Trim(header, " \t"))
}

// stripValue removes what ini.v1 leaves around a value: quotes, and a comment
// that follows a tab.
func stripValue(value string) string {
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		value = value[:i]
	}
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return value
}
