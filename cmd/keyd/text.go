package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const day = 24 * time.Hour

// span prints a duration as people say it: 45d, 1d 3h, 3h 12m, 12m, 40s.
func span(d time.Duration) string {
	d = d.Abs()
	hours, minutes := d%day/time.Hour, d%time.Hour/time.Minute
	switch {
	case d >= 2*day || d >= day && hours == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= day:
		return fmt.Sprintf("1d %dh", hours)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", hours, minutes)
	case d >= time.Minute:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// age prints the largest unit of a duration.
func age(d time.Duration) string {
	first, _, _ := strings.Cut(span(max(d, 0)), " ")
	return first
}

// seconds prints how long something takes while it does: 8.4s, 2m05s.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
}

// moment prints a time in the person's zone, as short as it stays clear:
// 14:20, tomorrow 10:12, yesterday 10:12, Mon 09:12, 1 Dec, 1 Dec 2027.
func moment(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	days := midnight(t).Sub(midnight(now)).Round(day) / day
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

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// cut shortens a line to width columns, with .. where something is missing.
func cut(line string, width int) string {
	if width < 1 || utf8.RuneCountInString(line) <= width {
		return line
	}
	runes := []rune(line)
	return string(runes[:max(width-2, 0)]) + ".."
}

// wrap breaks a text between words, so that no line is wider than width, as
// far as the words allow. A width of 0 breaks nothing.
func wrap(text string, width int) []string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// listed joins names as people do: a, b.
func listed(names []string) string { return strings.Join(names, ", ") }

// plainly leaves out the names of the packages that an error came through: a
// person has no use for them. The log keeps them.
func plainly(text string) string {
	if !strings.Contains(text, ": ") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		parts := strings.Split(line, ": ")
		last := len(parts) - 1
		lines[i] = strings.Join(append(slices.DeleteFunc(parts[:last:last], isPackage), parts[last]), ": ")
	}
	return strings.Join(lines, "\n")
}

func isPackage(word string) bool {
	return word == "credfile" || word == "iam" || word == "daemon" || word == "install"
}

// about says of which profiles a text is, unless it says so itself.
func about(profiles []string, text string) string {
	names := listed(profiles)
	for _, said := range [...]string{" shows a key other than", " is no longer in the files"} {
		if strings.HasPrefix(text, names+said) {
			return text
		}
	}
	return names + ": " + text
}

// advice is what helps, with the word that tells a command from prose.
func advice(text string) string {
	if strings.HasPrefix(text, "keyd ") || strings.HasPrefix(text, "aws ") {
		return "run: " + text
	}
	return "hint: " + text
}
