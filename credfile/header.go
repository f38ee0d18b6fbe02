package credfile

import (
	"strings"

	"keyd/credfile/readers"
)

// ProfileName returns the profile that text names after the word "profile" in a header
// of the config file, where quotes and backslashes have the meaning that they have in a
// shell. A text that is not one word there stands for itself, without blanks at its ends.
func ProfileName(text string) string {
	if words, ok := readers.SplitShell(text); ok && len(words) == 1 {
		return words[0]
	}
	return strings.TrimSpace(text)
}
