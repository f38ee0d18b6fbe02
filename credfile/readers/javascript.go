package readers

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// readJavaScript reads a file as the JavaScript SDK does:
//
//   - LF and CR LF end a line. All blanks of Unicode and a byte order mark are trimmed.
//   - '#' or ';' at the beginning of a line or after a blank begins a comment, in a
//     header as well.
//   - A header is '[' and a ']' at the end. Blanks belong to the name. A header that is not
//     closed is ignored, so that the lines below it belong to the profile above.
//   - The first '=' ends the name of a setting, which keeps its capitals. Quotes stay.
//   - A setting with an empty value begins a nested block, which ends with the first
//     setting that is not indented. Otherwise an indented setting is a setting.
//   - The last of two equal settings counts; two sections of one name are one.
//   - Any other line is ignored. Only a profile __proto__ makes the file unreadable,
//     which then counts as empty.
func readJavaScript(config bool, text string) (Profiles, error) {
	sections := Profiles{}
	section, block := "", ""
	for _, line := range splitLines(strings.ToValidUTF8(text, "\ufffd"), true, false) {
		trimmed := javaScriptTrim(cutJavaScriptComment(line.text))
		if n := len(trimmed); n >= 2 && trimmed[0] == '[' && trimmed[n-1] == ']' {
			name := trimmed[1 : n-1]
			if name == "__proto__" || name == "profile __proto__" {
				return nil, errRefused
			}
			section, block = javaScriptSection(name), ""
			continue
		}
		at := strings.IndexByte(trimmed, '=')
		if section == "" || at <= 0 {
			continue
		}
		name, value := javaScriptTrim(trimmed[:at]), javaScriptTrim(trimmed[at+1:])
		if value == "" {
			block = name
			continue
		}
		if strings.TrimLeftFunc(line.text, isJavaScriptSpace) == line.text {
			block = ""
		}
		if block != "" {
			name = block + "." + name
		}
		sections.profile(section)[name] = Setting{Value: value, Line: line.number}
	}
	if config {
		return javaScriptConfig(sections), nil
	}
	return sections, nil
}

// javaScriptConfig returns the profiles of the sections of a config file. A later
// [profile x] and [profile.x] are the same section.
func javaScriptConfig(sections Profiles) Profiles {
	found := Profiles{}
	if s, ok := sections["default"]; ok {
		found["default"] = s
	}
	for name, settings := range sections {
		if profile, ok := strings.CutPrefix(name, "profile."); ok {
			found[profile] = settings
		}
	}
	return found
}

var javaScriptPrefix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9A-Za-z_-]+)[\s\v\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}](?:"([0-9A-Za-z_@+.%:/-]+)"|'([0-9A-Za-z_@+.%:/-]+)'|([0-9A-Za-z_@+.%:/-]+))$`)
})

// javaScriptSection returns the section of a header, "" if the header is ignored.
func javaScriptSection(header string) string {
	m := javaScriptPrefix().FindStringSubmatch(header)
	switch {
	case m == nil:
		return header
	case slices.Contains([]string{"profile", "sso-session", "services"}, m[1]):
		return m[1] + "." + m[2] + m[3] + m[4]
	}
	return ""
}

// cutJavaScriptComment returns the line up to a comment.
func cutJavaScriptComment(line string) string {
	blank := true
	for i, r := range line {
		if (r == '#' || r == ';') && blank {
			return line[:i]
		}
		blank = isJavaScriptSpace(r)
	}
	return line
}

// javaScriptTrim is String.prototype.trim.
func javaScriptTrim(s string) string { return strings.TrimFunc(s, isJavaScriptSpace) }

// isJavaScriptSpace reports whether trim and the \s of a pattern mean r.
func isJavaScriptSpace(r rune) bool { return unicode.IsSpace(r) && r != 0x85 || r == 0xfeff }
