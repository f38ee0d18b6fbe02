// Package shell writes words of commands that a person pastes into a shell.
package shell

import "strings"

// Quote returns word so that a POSIX shell reads it as one word, unchanged. A word that
// begins with a dash remains a flag to the command.
// Source: POSIX.1-2024, shell command language, 2.2.2.
func Quote(word string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && strings.TrimLeftFunc(word, harmless) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
