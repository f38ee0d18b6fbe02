package credfile

import "strings"

// splitShell splits text into words as a POSIX shell does. A backslash outside of
// quotes keeps the next character. Between double quotes it keeps only a double quote
// or a backslash. ok is false when a quote is not closed, or a backslash comes last.
// botocore splits the headers of the config file so.
// Source: CPython 3.11, shlex.split.
func splitShell(text string) (words []string, ok bool) {
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
		case isBlank(c) || c == '\r' || c == '\n':
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

// namedBy returns the name that the header of a config file gives to a section of one
// kind, such as dev for [profile dev], [profile "dev"] and [profile\tdev]. The header
// must begin with the kind and have exactly two words: to botocore, [profiles dev]
// names a profile too.
// Source: botocore, configloader.py, build_profile_map.
func namedBy(kind, header string) (name string, ok bool) {
	if !strings.HasPrefix(header, kind) {
		return "", false
	}
	words, ok := splitShell(header)
	if !ok || len(words) != 2 {
		return "", false
	}
	return words[1], true
}

// ProfileName returns the profile that text names after the word "profile" in a header
// of the config file, where quotes and backslashes have the meaning that they have in a
// shell. A text that is not one word there stands for itself, without blanks at its ends.
func ProfileName(text string) string {
	if words, ok := splitShell(text); ok && len(words) == 1 {
		return words[0]
	}
	return strings.TrimSpace(text)
}
