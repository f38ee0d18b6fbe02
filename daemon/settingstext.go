package daemon

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

var errDuration = errors.New("a duration reads like 60d, 24h, 15m or 1d12h")

// longest is a hundred years: sums of a few durations do not overflow.
const longest = 36500 * day

// parseDuration reads what time.ParseDuration reads and days: 1d12h. Years and
// months have no fixed length and are not accepted.
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
	if total > longest {
		return 0, errDuration
	}
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > longest-total {
		return 0, errDuration
	}
	return total + d, nil
}

// formatSetting prints a duration as keyd.ini would have it.
func formatSetting(d time.Duration) string {
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

// lineOf finds the line of a setting; ini.v1 does not keep line numbers. An
// empty name asks for the section header. 0 when it is not found.
func lineOf(data []byte, section, name string) int {
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

// nearest returns the known word that text most likely meant, or "".
func nearest(text string, known []string) string {
	best, at := "", len(text)/2+2
	for _, word := range known {
		if d := distance(text, word); d < at {
			best, at = word, d
		}
	}
	return best
}

// distance is the number of single-letter edits between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
