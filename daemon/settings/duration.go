package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// errDuration reports text that is not a duration.
var errDuration = errors.New("a duration looks like 60d, 24h, 15m or 1d12h")

// maxDuration is a hundred years, so that twice as much does not overflow. addUp adds more of
// them.
const maxDuration = 36500 * Day

// ParseDuration reads a duration as time.ParseDuration does, and also accepts whole
// days in front, as in 1d12h. It accepts no years and months, because they have no
// fixed length.
func ParseDuration(text string) (time.Duration, error) {
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

// FormatDuration prints a duration in the form that keyd.ini uses: 60d, 36h, 1h30m.
// It drops fractions of a second.
func FormatDuration(d time.Duration) string {
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

// FormatSpan prints a duration as people say it, in at most two units, rounded down:
// 45d, 1d 3h, 3h 12m, 12m, 40s. It drops the sign.
func FormatSpan(d time.Duration) string {
	d = d.Abs()
	hours, minutes := d%Day/time.Hour, d%time.Hour/time.Minute
	switch {
	case d >= 2*Day || d >= Day && hours == 0:
		return fmt.Sprintf("%dd", d/Day)
	case d >= Day:
		return fmt.Sprintf("1d %dh", hours)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case d >= time.Minute:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// FormatAge prints only the largest unit of FormatSpan: 61d, 3h, 12m, 40s.
func FormatAge(d time.Duration) string {
	first, _, _ := strings.Cut(FormatSpan(d), " ")
	return first
}
