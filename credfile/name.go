package credfile

import "strings"

// cutPrefix splits "profile dev" at the blanks behind its first word.
func cutPrefix(section string) (prefix, name string) {
	if i := strings.IndexAny(section, " \t"); i > 0 {
		return section[:i], strings.TrimLeft(section[i:], " \t")
	}
	return "", section
}

// identity returns the same text for all spellings of one header.
func identity(section string) string {
	if prefix, name := cutPrefix(section); prefix != "" {
		return prefix + " " + name
	}
	return section
}

// known reports whether the cross-SDK rules give a section a meaning.
func known(kind Kind, section string) bool {
	prefix, name := cutPrefix(section)
	if kind == Credentials {
		return prefix == "" && validName(name)
	}
	switch prefix {
	case "":
		return name == "default"
	case "profile", "sso-session", "services":
		return validName(name)
	}
	return false
}

// profileName returns the name under which a section's profile is asked for. In
// the credentials file that is the whole header, "profile dev" included, which
// is not the profile dev there.
func profileName(kind Kind, section string) (string, bool) {
	if kind == Credentials {
		return section, section != ""
	}
	switch prefix, name := cutPrefix(section); {
	case prefix == "profile":
		return name, name != ""
	case section == "default":
		return section, true
	}
	return "", false
}
