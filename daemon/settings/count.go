package settings

import "strconv"

// FormatNumber prints a number with its thousands apart: 104,211.
func FormatNumber(n int64) string {
	text := strconv.FormatInt(max(n, -n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if n < 0 {
		return "-" + text
	}
	return text
}

// FormatCount prints a number of things, with the word that fits it: 1 file, 1,204 files.
func FormatCount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return FormatNumber(int64(n)) + " " + many
}
