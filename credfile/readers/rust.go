package readers

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// rustBlanks are the only blanks of the rules that the Rust, C and C++ SDKs share.
const rustBlanks = " \t"

// readRust reads a file as the Rust SDK does:
//
//   - The file must be UTF-8. LF and CR LF end a line. Only spaces and tabs are trimmed.
//   - '#' or ';' in the first column begins a comment. After a setting it needs a blank
//     of any kind before it, and after a header nothing.
//   - '[' in the first column begins a header, which must end with ']'.
//   - A name with another character than letters, digits and _-/.%@:+ is ignored with
//     the lines below it, and so is [profile x] in the credentials file.
//   - The first '=' ends the name of a setting, which is lower-cased. The last of two
//     equal settings counts; two sections of one name are one.
//   - An indented line continues the value above.
//   - Any other line refuses the whole file.
func readRust(config bool, text string) (Profiles, error) {
	if !utf8.ValidString(text) {
		return nil, errRefused
	}
	p := rustParser{sections: Profiles{}}
	for _, line := range splitLines(text, true, false) {
		if !p.readLine(line) {
			return nil, errRefused
		}
	}
	p.open.close()
	return p.profiles(config), nil
}

// rustParser is the state of the Rust SDK between two lines.
type rustParser struct {
	order    []string
	sections Profiles    // by the text between the brackets
	section  Profile     // nil before the first header
	open     openSetting // the setting that an indented line continues
	isBlock  bool        // the value of the setting is empty
}

// readLine reads one line. It returns false when the whole file is refused.
func (p *rustParser) readLine(line textLine) bool {
	text := line.text
	switch {
	case strings.Trim(text, rustBlanks) == "" || text[0] == '#' || text[0] == ';':
		return true
	case text[0] == '[':
		return p.readHeader(text)
	case text[0] == ' ' || text[0] == '\t':
		return p.continueSetting(text)
	case p.section == nil:
		return false
	}
	name, value, ok := splitRustSetting(text)
	if !ok {
		return false
	}
	p.open.close()
	p.open, p.isBlock = openSetting{profile: p.section, name: name}, value == ""
	p.section[name] = Setting{Value: value, Line: line.number}
	return true
}

// continueSetting appends an indented line to the value above. A nested block must
// consist of settings.
func (p *rustParser) continueSetting(text string) bool {
	if p.open.profile == nil {
		return false
	}
	if _, _, ok := splitRustSetting(text); p.isBlock && !ok {
		return false
	}
	p.open.more = append(p.open.more, strings.Trim(text, rustBlanks))
	return true
}

// readHeader begins or continues a section.
func (p *rustParser) readHeader(text string) bool {
	text = strings.Trim(cutFirst(strings.Trim(text, rustBlanks), "#", ";"), rustBlanks)
	if len(text) < 2 || text[len(text)-1] != ']' {
		return false
	}
	name := text[1 : len(text)-1]
	if p.sections[name] == nil {
		p.order = append(p.order, name)
	}
	p.open.close()
	p.section = p.sections.profile(name)
	return true
}

// profiles returns the profiles that the sections stand for. Two spellings of one
// header are merged in file order here; the program may take them in any order.
func (p *rustParser) profiles(config bool) Profiles {
	found := Profiles{}
	prefixed := false // there is a [profile default]
	for _, raw := range p.order {
		prefix, name := splitRustHeader(raw)
		prefixed = prefixed || config && prefix == "profile" && name == "default"
	}
	for _, raw := range p.order {
		prefix, name := splitRustHeader(raw)
		isProfile := prefix == ""
		if config {
			isProfile = prefix == "profile" || prefix == "" && name == "default" && !prefixed
		}
		if !isProfile || !isName(name) {
			continue
		}
		profile := found.profile(name)
		for key, value := range p.sections[raw] {
			if isName(key) {
				profile[key] = value
			}
		}
	}
	return found
}

// splitRustHeader splits "profile dev" at its first blank. The prefix is "" for a
// single word.
func splitRustHeader(header string) (prefix, name string) {
	header = strings.Trim(header, rustBlanks)
	if i := strings.IndexAny(header, rustBlanks); i > 0 {
		return header[:i], strings.Trim(header[i:], rustBlanks)
	}
	return "", header
}

// splitRustSetting splits a line at its first '='. It returns false when there is no
// '=' or no name.
func splitRustSetting(text string) (name, value string, ok bool) {
	text = strings.Trim(text, rustBlanks)
	blank := false
	for i, r := range text {
		if (r == '#' || r == ';') && blank {
			text = text[:i]
			break
		}
		blank = unicode.IsSpace(r)
	}
	name, value, ok = strings.Cut(text, "=")
	name = strings.Trim(name, rustBlanks)
	return lowerASCII(name), strings.Trim(value, rustBlanks), ok && name != ""
}

// lowerASCII lower-cases the letters A to Z only.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, s)
}
