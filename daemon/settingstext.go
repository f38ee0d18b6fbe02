package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errDuration reports text that is not a duration.
var errDuration = errors.New("a duration looks like 60d, 24h, 15m or 1d12h")

// maxDuration is a hundred years, so that the sum of a few durations does not
// overflow.
const maxDuration = 36500 * day

// parseDuration reads a duration as time.ParseDuration does, and also accepts whole
// days in front, as in 1d12h. It accepts no years and months, because they have no
// fixed length.
func parseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || text == "" {
		return 0, errDuration
	}
	total := time.Duration(n) * day
	if total > maxDuration {
		return 0, errDuration
	}
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > maxDuration-total {
		return 0, errDuration
	}
	return total + d, nil
}

// formatDuration prints a duration in the form that keyd.ini uses.
func formatDuration(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.Truncate(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// findLine returns the line number of a setting, because ini.v1 keeps none. An empty
// name stands for the section header. findLine returns 0 if there is no such line.
func findLine(data []byte, section, name string) int {
	in, number := "", 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if inner, ok := strings.CutPrefix(text, "["); ok {
			in, _, _ = strings.Cut(inner, "]")
			if in == section && name == "" {
				return number
			}
			continue
		}
		key, _, _ := strings.Cut(text, "=")
		if in == section && name != "" && strings.TrimSpace(key) == name {
			return number
		}
	}
	return 0
}

// Nearest returns the known word that the author of text most likely meant. It
// returns "" if every known word differs from text in more than a third of the
// letters and in more than one letter. Among equally near words it prefers one with
// the same first letter, then one of the same length, then the first in known.
func Nearest(text string, known []string) string {
	near := slices.DeleteFunc(slices.Clone(known), func(word string) bool { return editDistance(text, word) > max(len(text)/3, 1) })
	if len(near) == 0 {
		return ""
	}
	unlike := func(word string) (n int) {
		if !strings.HasPrefix(word, text[:min(len(text), 1)]) {
			n = 2
		}
		if len(word) != len(text) {
			n++
		}
		return n
	}
	return slices.MinFunc(near, func(a, b string) int {
		return cmp.Or(editDistance(text, a)-editDistance(text, b), unlike(a)-unlike(b))
	})
}

// editDistance returns the number of single-letter edits between a and b. Two
// swapped neighbours count as one edit (optimal string alignment).
func editDistance(a, b string) int {
	var before []int // the row before last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
