package credfile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// botoValue is one setting as botocore reads it.
type botoValue struct {
	text   string            // "" for a nested block
	nested map[string]string // the settings of a nested block; nil for a plain value
	file   *File             // set once the files are joined
	line   int               // from 1
}

// botoSection is one section as botocore reads it.
type botoSection struct {
	header string // all between the first and the last bracket of the line
	line   int
	values map[string]botoValue
}

// readBotocore reads a file as botocore does: with the rules of Python's
// RawConfigParser, and with nested blocks. It shares no code with Lex, which
// cannot be as exact for one reader because it serves all of them. ok is false when
// botocore refuses the whole file.
//
// Not guaranteed: Python reads the file in the encoding of the locale. It is taken
// for UTF-8.
// Source: CPython 3.11, configparser.py, RawConfigParser._read; botocore,
// configloader.py, raw_config_parse.
func readBotocore(data []byte) (sections []botoSection, ok bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	r := botoReader{seen: map[string]map[string]bool{}, indent: 0}
	text := string(data)
	if strings.Contains(text, "\r") {
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	for line := range strings.Lines(text) {
		if r.number++; !r.readLine(strings.TrimSuffix(line, "\n")) {
			return nil, false
		}
	}
	return r.finish()
}

// botoReader is the state between two lines.
type botoReader struct {
	number   int
	sections []*rawSection // in the order of their headers
	defaults *rawSection   // [DEFAULT], whose settings are in every section
	open     *rawSection   // the section of the line
	option   *rawOption    // the setting that an indented line continues, or nil
	indent   int           // of the line that began the setting

	seen map[string]map[string]bool // by header
}

type rawSection struct {
	header  string
	line    int
	options []*rawOption
}

type rawOption struct {
	name  string
	line  int
	lines []string
}

// readLine returns false when botocore refuses the file because of the line.
func (r *botoReader) readLine(line string) bool {
	value := strings.TrimFunc(line, isPythonSpace)
	if strings.HasPrefix(value, "#") || strings.HasPrefix(value, ";") {
		return true
	}
	if value == "" {
		if r.option != nil {
			r.option.lines = append(r.option.lines, "")
		}
		return true
	}
	indent := utf8.RuneCountInString(line[:len(line)-len(strings.TrimLeftFunc(line, isPythonSpace))])
	if r.option != nil && indent > r.indent {
		r.option.lines = append(r.option.lines, value)
		return true
	}
	r.indent = indent
	if end := strings.LastIndexByte(value, ']'); value[0] == '[' && end > 1 {
		return r.openSection(value[1:end])
	}
	at := strings.IndexAny(value, "=:")
	if r.open == nil || at <= 0 {
		return false
	}
	return r.addOption(strings.ToLower(strings.TrimRightFunc(value[:at], isPythonSpace)), strings.TrimFunc(value[at+1:], isPythonSpace))
}

func (r *botoReader) openSection(header string) bool {
	r.option = nil
	switch {
	case header == "DEFAULT":
		if r.defaults == nil {
			r.defaults = &rawSection{header: header, line: r.number}
		}
		r.open = r.defaults
	case r.seen[header] != nil:
		return false
	default:
		r.open = &rawSection{header: header, line: r.number}
		r.sections = append(r.sections, r.open)
	}
	if r.seen[header] == nil {
		r.seen[header] = map[string]bool{}
	}
	return true
}

func (r *botoReader) addOption(name, value string) bool {
	if r.seen[r.open.header][name] {
		return false
	}
	r.seen[r.open.header][name] = true
	r.option = &rawOption{name: name, line: r.number, lines: []string{value}}
	r.open.options = append(r.open.options, r.option)
	return true
}

// finish returns the sections once all lines are read.
func (r *botoReader) finish() ([]botoSection, bool) {
	all := make([]botoSection, 0, len(r.sections))
	for _, raw := range r.sections {
		s := botoSection{header: raw.header, line: raw.line, values: make(map[string]botoValue, len(raw.options))}
		options := raw.options
		if r.defaults != nil {
			options = append(r.defaults.options[:len(r.defaults.options):len(r.defaults.options)], options...)
		}
		for _, o := range options {
			v, ok := o.value()
			if !ok {
				return nil, false
			}
			s.values[o.name] = v
		}
		all = append(all, s)
	}
	return all, true
}

// value returns the value of all lines. ok is false when a line of a nested block is no
// setting.
func (o *rawOption) value() (v botoValue, ok bool) {
	v = botoValue{line: o.line}
	text := strings.TrimRightFunc(strings.Join(o.lines, "\n"), isPythonSpace)
	inner, nested := strings.CutPrefix(text, "\n")
	if !nested {
		v.text = text
		return v, true
	}
	v.nested = map[string]string{}
	for _, line := range strings.FieldsFunc(inner, isPythonLineEnd) {
		line = strings.TrimFunc(line, isPythonSpace)
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			return v, false
		}
		v.nested[strings.TrimFunc(name, isPythonSpace)] = strings.TrimFunc(value, isPythonSpace)
	}
	return v, true
}

// isPythonSpace is str.isspace, which str.strip uses.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// isPythonLineEnd reports whether str.splitlines ends a line at r.
func isPythonLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}
