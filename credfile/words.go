package credfile

import "strings"

// JoinWords returns "a", "a and b" or "a, b and c".
func JoinWords(words []string) string { return joinLast(words, " and ") }

// JoinChoices returns "a", "a or b" or "a, b or c".
func JoinChoices(words []string) string { return joinLast(words, " or ") }

// joinLast joins words by commas, and the last one by another word.
func joinLast(words []string, last string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + last + words[n-1]
	}
	return strings.Join(words, "")
}
