package readers

import "strings"

// readJava reads a file as the Java SDK does:
//
//   - LF, CR LF and a CR alone end a line. Only spaces and tabs make a line an empty or
//     an indented one; all control characters are trimmed from names and values.
//   - '#' or ';' in the first column begins a comment. After a setting it needs a space
//     or a tab before it, and after a header nothing.
//   - '[' in the first column begins a header, which must end with ']'.
//   - A name with another character than letters, digits and _-/.%@:+ is ignored with
//     the lines below it, and so is [profile x] in the credentials file.
//   - The first '=' ends the name of a setting, which keeps its capitals. The last of
//     two equal settings counts; two sections of one name are one.
//   - An indented line continues the value above.
//   - Any other line refuses the whole file.
func readJava(config bool, text string) (Profiles, error) {
	p := javaParser{config: config, profiles: Profiles{}}
	for _, line := range splitLines(strings.ToValidUTF8(text, "\ufffd"), true, true) {
		if !p.readLine(line) {
			return nil, errRefused
		}
	}
	p.open.close()
	return p.profiles, nil
}

// javaParser is the state of the Java SDK between two lines.
type javaParser struct {
	config       bool
	profiles     Profiles
	profile      Profile     // nil before the first header
	open         openSetting // the setting that an indented line continues
	skipsProfile bool
	skipsSetting bool
	isBlock      bool // the value of the setting is empty
	prefixed     bool // there was a [profile default]
}

// readLine reads one line. It returns false when the whole file is refused.
func (p *javaParser) readLine(line textLine) bool {
	text := line.text
	switch {
	case strings.Trim(text, " \t") == "" || text[0] == '#' || text[0] == ';':
		return true
	case text[0] == '[':
		return p.readHeader(text)
	case p.skipsProfile:
		return true
	case text[0] == ' ' || text[0] == '\t':
		return p.continueSetting(text)
	case p.profile == nil:
		return false
	}
	name, value, ok := splitJavaSetting(javaTrim(cutFirst(text, " #", " ;", "\t#", "\t;")))
	if !ok {
		return false
	}
	if p.skipsSetting = !isName(name); p.skipsSetting {
		return true
	}
	p.open.close()
	p.open, p.isBlock = openSetting{profile: p.profile, name: name}, value == ""
	p.profile[name] = Setting{Value: value, Line: line.number}
	return true
}

// continueSetting appends an indented line to the value above. A nested block must
// consist of settings.
func (p *javaParser) continueSetting(text string) bool {
	if p.skipsSetting {
		return true
	}
	if p.open.profile == nil {
		return false
	}
	text = javaTrim(text)
	if _, _, ok := splitJavaSetting(text); p.isBlock && !ok {
		return false
	}
	p.open.more = append(p.open.more, text)
	return true
}

// readHeader begins a profile, or the lines of one that is ignored.
func (p *javaParser) readHeader(text string) bool {
	text = javaTrim(cutFirst(text, "#", ";"))
	if len(text) < 2 || text[len(text)-1] != ']' {
		return false
	}
	name := javaTrim(text[1 : len(text)-1])
	prefixed := strings.HasPrefix(name, "profile ") || strings.HasPrefix(name, "profile\t")
	p.skipsProfile = true
	if p.config {
		if !prefixed && name != "default" {
			return true
		}
		name = javaTrim(strings.TrimPrefix(name, "profile"))
	}
	if !isName(name) {
		return true
	}
	if p.config && name == "default" && p.profiles[name] != nil {
		if !prefixed && p.prefixed {
			return true
		}
		if prefixed && !p.prefixed {
			delete(p.profiles, name)
		}
	}
	p.prefixed = p.prefixed || name == "default" && prefixed
	p.open.close()
	p.skipsProfile, p.skipsSetting = false, false
	p.profile = p.profiles.profile(name)
	return true
}

// splitJavaSetting splits a setting at its first '='. It returns false when there is no
// '=' or no name.
func splitJavaSetting(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	name = javaTrim(name)
	return name, javaTrim(value), ok && name != ""
}

// javaTrim is String.trim: it removes all characters up to the space.
func javaTrim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }
