package readers

import (
	"maps"
	"slices"
	"strings"
)

// readGo reads a file as the Go SDK does:
//
//   - LF ends a line. All blanks of Unicode are trimmed, but only spaces and tabs make
//     a line an indented one.
//   - A line whose first character is '#' or ';' is a comment, indented or not.
//   - A header may be indented. A comment after it needs no blank. A header that is not
//     closed is ignored, so that the lines below it belong to the profile above.
//   - The first '=' or ':' ends the name of a setting, which is lower-cased. A blank
//     and '#' or ';' begin a comment. One pair of quotes is removed, and a lone quote
//     stops the program.
//   - The last of two equal settings counts; two sections of one name are one.
//   - An indented setting is a setting, except below one with an empty value.
//   - Any other line is ignored. No file is refused.
func readGo(config bool, text string) (Profiles, error) {
	parser := goParser{sections: Profiles{}}
	for _, line := range splitLines(text, false, false) {
		if !parser.readLine(line) {
			return nil, errRefused
		}
	}
	parser.open.close()
	found := Profiles{}
	for name, settings := range parser.sections {
		profile, isProfile := strings.CutPrefix(name, "profile ")
		switch {
		case !config && !isProfile:
			found[name] = settings
		case config && isProfile:
			found[profile] = settings // even if there is a [default]
		case config && strings.EqualFold(name, "default") && parser.sections["profile "+name] == nil:
			found[name] = settings
		}
	}
	return found, nil
}

// joinGo returns the profiles of both files. A pair in the credentials file counts
// only when it is whole; half a pair there makes the profile unusable.
func joinGo(config, credentials Profiles) Profiles {
	all := Profiles{}
	for _, file := range []Profiles{config, credentials} {
		for name, profile := range file {
			_, hasID := profile["aws_access_key_id"]
			_, hasSecret := profile["aws_secret_access_key"]
			merged := Profile{}
			maps.Copy(merged, all[name])
			for key, value := range profile {
				if !isPairSetting(key) || hasID && hasSecret {
					merged[key] = value
				}
			}
			if hasID != hasSecret {
				delete(merged, "aws_access_key_id")
				delete(merged, "aws_secret_access_key")
			}
			all[name] = merged
		}
	}
	return all
}

// isPairSetting reports whether the setting is a part of a static credential.
func isPairSetting(name string) bool {
	return slices.Contains([]string{"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}, name)
}

// goParser is the state of the Go SDK between two lines.
type goParser struct {
	sections Profiles
	section  string      // "" before the first header
	open     openSetting // the setting that an indented line may belong to
}

// readLine reads one line. It returns false when the program stops.
func (p *goParser) readLine(line textLine) bool {
	if strings.TrimSpace(line.text) == "" {
		return true
	}
	trimmed := strings.TrimLeft(line.text, " \t")
	if trimmed[0] == '#' || trimmed[0] == ';' {
		return true
	}
	if header := strings.TrimSpace(cutFirst(line.text, "#", ";")); len(header) >= 2 && header[0] == '[' && header[len(header)-1] == ']' {
		p.openSection(strings.TrimSpace(header[1 : len(header)-1]))
		return true
	}
	indented := trimmed != line.text
	if !indented {
		trimmed = strings.TrimRight(cutGoComment(line.text), " \t")
	}
	name, value, ok := splitGoSetting(trimmed)
	if !ok {
		if indented {
			p.continueValue(trimmed)
		}
		return true
	}
	if value == `"` || value == "'" {
		return false
	}
	p.addSetting(strings.ToLower(name), unquoteGo(value), indented, line.number)
	return true
}

// openSection begins or continues a section. Blanks between the two words of a name
// count as one.
func (p *goParser) openSection(name string) {
	if i := strings.IndexAny(name, " \t"); i > 0 {
		name = name[:i] + " " + strings.TrimLeft(name[i:], " \t")
	}
	p.open.close()
	p.section = name
	p.sections.profile(name)
}

// addSetting adds a setting to the section, or to the nested block that an indented one
// belongs to.
func (p *goParser) addSetting(name, value string, indented bool, line int) {
	if p.section == "" {
		return
	}
	section := p.sections[p.section]
	switch {
	case indented && p.open.name != "" && section[p.open.name].Value == "":
		section[p.open.name+"."+name] = Setting{Value: value, Line: line}
		return
	case indented:
		value = strings.TrimSpace(cutGoComment(value))
	}
	for key := range section {
		if strings.HasPrefix(key, name+".") {
			delete(section, key)
		}
	}
	p.open.close()
	section[name], p.open = Setting{Value: value, Line: line}, openSetting{profile: section, name: name}
}

// continueValue appends an indented line that is no setting to the value above.
func (p *goParser) continueValue(text string) {
	if p.open.name != "" && p.open.profile[p.open.name].Value != "" {
		p.open.more = append(p.open.more, text)
	}
}

// cutGoComment cuts off a comment. The marks are searched one after the other.
func cutGoComment(s string) string {
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		s, _, _ = strings.Cut(s, mark)
	}
	return s
}

// splitGoSetting splits a line at its first '=' or ':'.
func splitGoSetting(s string) (name, value string, ok bool) {
	at := strings.IndexAny(s, "=:")
	if at < 0 {
		return "", "", false
	}
	return strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+1:]), true
}

// unquoteGo removes one pair of quotes.
func unquoteGo(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}
