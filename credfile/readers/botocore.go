package readers

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// BotocoreSection is one section of a file as botocore reads it.
type BotocoreSection struct {
	Header string // all between the first and the last bracket of the line
	Line   int    // of the header, from 1, counting line feeds
	Values map[string]BotocoreValue
}

// BotocoreValue is one setting of a section, or one that it inherits from [DEFAULT].
type BotocoreValue struct {
	Text   string            // "" for a nested block
	Nested map[string]string // the settings of a nested block; nil for a plain value
	Names  []string          // of the settings of a nested block, line by line, so that one may stand here twice
	Line   int               // where the setting begins, from 1, counting line feeds
}

// ReadBotocore reads a file as botocore does with Python's configparser, and returns its
// sections in the order of their headers. ok is false when botocore refuses the whole
// file. The rules:
//
//   - The file must be UTF-8. LF, CR LF and a CR alone end a line. All blanks of
//     Unicode are trimmed, the separators 0x1c to 0x1f among them.
//   - A line whose first character is '#' or ';' is a comment, indented or not. There
//     are no comments after a value, and none after a header.
//   - A line that is indented deeper than the setting or header above it continues
//     the value above, whatever it looks like. An empty line does, too.
//   - A header is '[', at least one character, and the last ']' of the line. What
//     follows is ignored. Blanks belong to the name. [DEFAULT] is no section: every
//     section inherits from it.
//   - The first '=' or ':' ends the name of a setting, which is lower-cased.
//   - A value that begins with an empty line is a nested block, in which each line must
//     have an '='.
//   - A line that is none of these, a setting before the first header, and a section or
//     a setting that appears twice: the whole file is refused.
//
// Not guaranteed: Python reads the file in the encoding of the locale. It is taken for
// UTF-8.
func ReadBotocore(data []byte) (sections []BotocoreSection, ok bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	parser := pythonParser{sections: map[string]*pythonSection{}, defaults: &pythonSection{options: map[string]*pythonValue{}}}
	for _, line := range splitLines(string(data), true, true) {
		if !parser.readLine(line) {
			return nil, false
		}
	}
	for _, name := range parser.order {
		section, ok := parser.finishSection(name)
		if !ok {
			return nil, false
		}
		sections = append(sections, section)
	}
	return sections, true
}

// readBotocore returns the profiles of one file.
func readBotocore(config bool, text string) (Profiles, error) {
	sections, ok := ReadBotocore([]byte(text))
	if !ok {
		return nil, errRefused
	}
	found := Profiles{}
	for _, s := range sections {
		name := s.Header
		if config {
			if name, ok = botocoreProfileName(s.Header); !ok {
				continue
			}
		}
		found[name] = s.profile()
	}
	return found, nil
}

// profile returns the settings of a section.
func (s *BotocoreSection) profile() Profile {
	found := Profile{}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) { // a setting s3.x takes the place of x below s3
		v := s.Values[name]
		if v.Nested == nil {
			found[name] = Setting{Value: v.Text, Line: v.Line}
		}
		for key, text := range v.Nested {
			found[name+"."+key] = Setting{Value: text, Line: v.Line}
		}
	}
	return found
}

// joinBotocore returns the profiles of both files. A profile of the credentials file
// with a key id hides that of the config file.
func joinBotocore(config, credentials Profiles) Profiles {
	all := maps.Clone(config)
	if all == nil {
		all = Profiles{}
	}
	for name, profile := range credentials {
		if _, ok := profile["aws_access_key_id"]; ok || all[name] == nil {
			all[name] = profile
		}
	}
	return all
}

// botocoreProfileName returns the name of the profile that a header of the config file
// stands for.
func botocoreProfileName(header string) (string, bool) {
	if name, ok := NamedBy("profile", header); ok {
		return name, true
	}
	return header, header == "default"
}

// NamedBy returns the name that the header of a config file gives to a section of one
// kind, such as dev for [profile dev], [profile "dev"] and [profile\tdev]. The header
// must begin with the kind and have exactly two words: to botocore, [profiles dev]
// names a profile too.
// Source: botocore, configloader.py, build_profile_map.
func NamedBy(kind, header string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(header, kind)
	if !ok {
		return "", false
	}
	if name := strings.TrimLeft(rest, " \t"); name != rest && name != "" && !strings.ContainsAny(name, "\"'\\ \t\r\n") {
		return name, true // a word without anything that the shell would split or take away
	}
	words, ok := SplitShell(header)
	if !ok || len(words) != 2 {
		return "", false
	}
	return words[1], true
}

// pythonSection holds the settings below one header.
type pythonSection struct {
	line    int
	options map[string]*pythonValue
}

// pythonValue is a value with its continuation lines.
type pythonValue struct {
	lines []string
	line  int
}

// pythonParser is the state of configparser between two lines.
type pythonParser struct {
	order    []string
	sections map[string]*pythonSection
	defaults *pythonSection // of [DEFAULT]
	current  *pythonSection // nil before the first header
	option   *pythonValue   // the setting that a deeper line continues, or nil
	indent   int
}

// readLine reads one line. It returns false when the whole file is refused.
func (p *pythonParser) readLine(line textLine) bool {
	value := pythonStrip(line.text)
	switch {
	case value == "":
		if p.option != nil {
			p.option.lines = append(p.option.lines, "")
		}
		return true
	case value[0] == '#' || value[0] == ';':
		return true
	}
	indent := utf8.RuneCountInString(line.text[:strings.Index(line.text, value)])
	if p.option != nil && indent > p.indent {
		p.option.lines = append(p.option.lines, value)
		return true
	}
	p.indent = indent
	if end := strings.LastIndexByte(value, ']'); value[0] == '[' && end >= 2 {
		return p.openSection(value[1:end], line.number)
	}
	at := strings.IndexAny(value, "=:")
	if p.current == nil || at <= 0 {
		return false
	}
	name := pythonLower(strings.TrimRightFunc(value[:at], isPythonSpace))
	if p.current.options[name] != nil || name == "" {
		return false
	}
	p.option = &pythonValue{[]string{pythonStrip(value[at+1:])}, line.number}
	p.current.options[name] = p.option
	return true
}

// openSection begins a section. [DEFAULT] may appear twice, any other may not.
func (p *pythonParser) openSection(name string, line int) bool {
	p.option = nil
	if name == "DEFAULT" {
		p.current = p.defaults
		return true
	}
	if p.sections[name] != nil {
		return false
	}
	p.current = &pythonSection{line, map[string]*pythonValue{}}
	p.sections[name], p.order = p.current, append(p.order, name)
	return true
}

// finishSection returns a section with the settings that it inherits, once all lines are
// read. ok is false when a line of a nested block is no setting.
func (p *pythonParser) finishSection(name string) (s BotocoreSection, ok bool) {
	s = BotocoreSection{Header: name, Line: p.sections[name].line, Values: map[string]BotocoreValue{}}
	for _, from := range []*pythonSection{p.defaults, p.sections[name]} {
		for option, v := range from.options {
			if s.Values[option], ok = v.finish(); !ok {
				return s, false
			}
		}
	}
	return s, true
}

// finish returns the value of all lines.
func (v *pythonValue) finish() (value BotocoreValue, ok bool) {
	value = BotocoreValue{Line: v.line}
	text := strings.TrimRightFunc(strings.Join(v.lines, "\n"), isPythonSpace)
	block, nested := strings.CutPrefix(text, "\n")
	if !nested {
		value.Text = text
		return value, true
	}
	value.Nested = map[string]string{}
	for _, line := range strings.FieldsFunc(block, isPythonLineEnd) {
		if line = pythonStrip(line); line == "" {
			continue
		}
		name, setting, ok := strings.Cut(line, "=")
		if !ok {
			return value, false
		}
		name = pythonStrip(name)
		value.Nested[name], value.Names = pythonStrip(setting), append(value.Names, name)
	}
	return value, true
}

// pythonStrip is str.strip.
func pythonStrip(s string) string { return strings.TrimFunc(s, isPythonSpace) }

// isPythonSpace is str.isspace for one character, which the \s of a pattern means
// as well.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// isPythonLineEnd reports whether str.splitlines ends a line at r.
func isPythonLineEnd(r rune) bool {
	return '\n' <= r && r <= '\r' || 0x1c <= r && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// pythonLower is str.lower. Go gives one character for the capital I with a dot, and Python two.
func pythonLower(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "\u0130", "i\u0307"))
}

// SplitShell splits text into words as a POSIX shell does. A backslash outside of
// quotes keeps the next character. Between double quotes it keeps only a double quote
// or a backslash. ok is false when a quote is not closed, or a backslash comes last.
// botocore splits the headers of the config file so.
// Source: CPython 3.11, shlex.split.
func SplitShell(text string) (words []string, ok bool) {
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'':
			if i++; i == len(text) {
				return nil, false
			}
			if quote == '"' && text[i] != '"' && text[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(text[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, quote == 0
}
