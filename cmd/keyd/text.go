package main

import (
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

const day = settings.Day

// formatDuration prints a duration as people say it, without its sign: 1d 3h.
func formatDuration(d time.Duration) string { return settings.FormatSpan(d) }

// formatAge prints the largest unit of a duration. A negative age, which comes
// from a wrong clock, is 0s.
func formatAge(d time.Duration) string { return settings.FormatAge(max(d, 0)) }

func formatAgo(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return formatDuration(d) + " ago"
}

// formatElapsed prints how long a wait has lasted so far. It is redrawn while a
// person watches, so it moves every tenth of a second: 8.4s, 2m05s.
func formatElapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
}

// formatMoment prints a time in the person's time zone, in the shortest form
// that is unambiguous: 14:20, tomorrow 10:12, yesterday 10:12, Mon 09:12, 1 Dec,
// 1 Dec 2027.
func formatMoment(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	days := startOfDay(t).Sub(startOfDay(now)).Round(day) / day
	switch {
	case days == 0:
		return t.Format("15:04")
	case days == 1:
		return "tomorrow " + t.Format("15:04")
	case days == -1:
		return "yesterday " + t.Format("15:04")
	case days > -6 && days < 6:
		return t.Format("Mon 15:04")
	case t.Year() == now.Year() || days > 0 && days < 180:
		return t.Format("2 Jan")
	}
	return t.Format("2 Jan 2006")
}

// formatPoint prints a time as formatMoment does, with the preposition that goes in front: at
// 14:20, tomorrow 10:12, on Mon 09:12, on 1 Dec.
func formatPoint(t, now time.Time) string {
	text := formatMoment(t, now)
	switch first := text[0]; {
	case strings.HasPrefix(text, "tomorrow"), strings.HasPrefix(text, "yesterday"):
		return text
	case '0' <= first && first <= '9' && !strings.Contains(text, " "):
		return "at " + text
	}
	return "on " + text
}

func startOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// joinNames joins names as people do: a, b.
func joinNames(names []string) string { return strings.Join(names, ", ") }

func shortID(id string) string { return credfile.Short(id) }

// stripPackages is hint.StripPackages.
func stripPackages(text string) string { return hint.StripPackages(text) }

// prefixProfiles puts the names of the profiles in front of a text about them,
// unless the text begins with them already.
func prefixProfiles(profiles []string, text string) string {
	names := joinNames(profiles)
	for _, verb := range [...]string{" shows a key other than", " is no longer in the files"} {
		if strings.HasPrefix(text, names+verb) {
			return text
		}
	}
	return names + ": " + text
}

// formatHint marks a command as one to run, and any other text as a hint.
func formatHint(text string) string {
	if strings.HasPrefix(text, "keyd ") || strings.HasPrefix(text, "aws ") {
		return "run: " + text
	}
	return "hint: " + text
}
