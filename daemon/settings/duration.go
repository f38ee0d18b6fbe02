package settings

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

// errDuration reports text that is not a duration.
var errDuration = errors.New("a duration looks like 60d, 24h, 15m or 1d12h")

// maxDuration is a hundred years, so that the sum of a few durations does not
// overflow.
const maxDuration = 36500 * Day

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
	total := time.Duration(n) * Day
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
	if d != 0 && d%Day == 0 {
		return strconv.Itoa(int(d/Day)) + "d"
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
