package readers

import (
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readBotocore reads a file as botocore does with Python's configparser:
//
//   - The file must be UTF-8. LF, CR LF and a CR alone end a line. All blanks of
//     Unicode are trimmed, the separators 0x1c to 0x1f among them.
//   - A line whose first character is '#' or ';' is a comment, indented or not. There
//     are no comments after a value, and none after a header.
//   - A line that is indented deeper than the setting or header above it continues
//     the value above, whatever it looks like. An empty line does, too.
//   - A header is '[', at least one character, and the last ']' of the line. What
//     follows is ignored. Blanks belong to the name. [DEFAULT] is no profile: every
//     profile inherits from it.
//   - The first '=' or ':' ends the name of a setting, which is lower-cased.
//   - A line that is none of these, a setting before the first header, and a section or
//     a setting that appears twice: the whole file is refused.
func readBotocore(config bool, text string) (Profiles, error) {
	if !utf8.ValidString(text) {
		return nil, errRefused
	}
	parser := pythonParser{sections: map[string]pythonSection{}, defaults: pythonSection{}}
	for _, line := range splitLines(text, true, true) {
		if !parser.readLine(line) {
			return nil, errRefused
		}
	}
	found := Profiles{}
	for _, name := range parser.order {
		profile, ok := parser.profile(parser.sections[name])
		if !ok {
			return nil, errRefused
		}
		if !config {
			found[name] = profile
		} else if name, ok := botocoreProfileName(name); ok {
			found[name] = profile
		}
	}
	return found, nil
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
	if strings.HasPrefix(header, "profile") {
		words, ok := shellWords(header)
		if !ok || len(words) != 2 {
			return "", false
		}
		return words[1], true
	}
	return header, header == "default"
}

// pythonSection holds the settings below one header.
type pythonSection map[string]*pythonValue

// pythonValue is a value with its continuation lines.
type pythonValue struct {
	lines []string
	line  int
}

// pythonParser is the state of configparser between two lines.
type pythonParser struct {
	order    []string
	sections map[string]pythonSection
	defaults pythonSection // of [DEFAULT]
	current  pythonSection // nil before the first header
	option   string        // the setting that a deeper line continues, or ""
	indent   int
}

// readLine reads one line. It returns false when the whole file is refused.
func (p *pythonParser) readLine(line textLine) bool {
	value := pythonStrip(line.text)
	switch {
	case value == "":
		if p.option != "" {
			p.continueOption("")
		}
		return true
	case value[0] == '#' || value[0] == ';':
		return true
	}
	indent := utf8.RuneCountInString(line.text[:strings.Index(line.text, value)])
	if p.option != "" && indent > p.indent {
		p.continueOption(value)
		return true
	}
	p.indent = indent
	if end := strings.LastIndexByte(value, ']'); value[0] == '[' && end >= 2 {
		return p.openSection(value[1:end])
	}
	at := strings.IndexAny(value, "=:")
	if p.current == nil || at <= 0 {
		return false
	}
	name := pythonLower(strings.TrimRightFunc(value[:at], isPythonSpace))
	if _, twice := p.current[name]; twice || name == "" {
		return false
	}
	p.current[name] = &pythonValue{[]string{pythonStrip(value[at+1:])}, line.number}
	p.option = name
	return true
}

// continueOption appends a line to the value above.
func (p *pythonParser) continueOption(value string) {
	p.current[p.option].lines = append(p.current[p.option].lines, value)
}

// openSection begins a section. [DEFAULT] may appear twice, any other may not.
func (p *pythonParser) openSection(name string) bool {
	p.option = ""
	if name == "DEFAULT" {
		p.current = p.defaults
		return true
	}
	if _, twice := p.sections[name]; twice {
		return false
	}
	p.current = pythonSection{}
	p.sections[name], p.order = p.current, append(p.order, name)
	return true
}

// profile returns the settings of a section and those it inherits. A value that begins
// with an empty line is a nested block, in which each line must have an '='.
func (p *pythonParser) profile(section pythonSection) (Profile, bool) {
	found := Profile{}
	for _, from := range []pythonSection{p.defaults, section} {
		for name, v := range from {
			for key := range found {
				if strings.HasPrefix(key, name+".") {
					delete(found, key)
				}
			}
			delete(found, name)
			value := strings.TrimRightFunc(strings.Join(v.lines, "\n"), isPythonSpace)
			if !strings.HasPrefix(value, "\n") {
				found[name] = Setting{Value: value, Line: v.line}
				continue
			}
			for _, line := range strings.FieldsFunc(value, isPythonLineEnd) {
				if line = pythonStrip(line); line == "" {
					continue
				}
				key, text, ok := strings.Cut(line, "=")
				if !ok {
					return nil, false
				}
				found[name+"."+pythonStrip(key)] = Setting{Value: pythonStrip(text), Line: v.line}
			}
		}
	}
	return found, true
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

// shellWords splits s as Python's shlex.split does. It returns false for an open quote
// and for a backslash at the end.
func shellWords(s string) (words []string, ok bool) {
	const blank, word = ' ', 'a'
	var token strings.Builder
	state, after, quoted := rune(blank), rune(word), false
	emit := func() {
		if token.Len() > 0 || quoted {
			words = append(words, token.String())
		}
		token.Reset()
		state, quoted = blank, false
	}
	for _, r := range s {
		switch {
		case state == '\\':
			if (after == '"' || after == '\'') && r != '\\' && r != after {
				token.WriteRune('\\')
			}
			token.WriteRune(r)
			state = after
		case state == '"' || state == '\'':
			switch {
			case r == state:
				state, quoted = word, true
			case r == '\\' && state == '"':
				state, after = '\\', '"'
			default:
				token.WriteRune(r)
			}
		case strings.ContainsRune(" \t\r\n", r):
			emit()
		case r == '\\':
			state, after = '\\', word
		case r == '"' || r == '\'':
			state, quoted = r, true
		default:
			token.WriteRune(r)
			state = word
		}
	}
	if state != blank && state != word {
		return nil, false
	}
	emit()
	return words, true
}
