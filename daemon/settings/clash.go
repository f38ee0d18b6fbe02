package settings

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// clash is a combination of settings that is impossible.
type clash struct {
	profile string   // whose section has a part in it; "" for the settings for every key
	names   []string // the settings that have a part in it, of that section
	text    string
	fix     string // what to do about it
}

// findClash returns the first impossible combination in s.
func (s Settings) findClash() (c clash, found bool) {
	if text := s.checkLatest(s.RotateAfter); text != "" {
		return clash{names: []string{"rotate_after", "overlap", "quarantine", "max_age"}, text: text, fix: "shorten one of the three in keyd.ini"}, true
	}
	both := addUp(s.Overlap, s.Quarantine)
	if next := addUp(both, both); next >= s.MaxAge { // a user has room for two keys
		return clash{names: []string{"overlap", "quarantine", "max_age"}, fix: "shorten overlap or quarantine in keyd.ini",
			text: fmt.Sprintf("overlap = %s and quarantine = %s have to end before the next rotation begins, and come again in it, which makes %s: an old key would reach max_age = %s",
				FormatDuration(s.Overlap), FormatDuration(s.Quarantine), FormatSpan(next), FormatDuration(s.MaxAge))}, true
	}
	for _, profile := range slices.Sorted(maps.Keys(s.ProfileRotateAfter)) {
		if after := s.ProfileRotateAfter[profile]; after != Never {
			if text := s.checkLatest(after); text != "" {
				return clash{profile: profile, names: []string{"rotate_after"}, text: text, fix: "shorten one of the three in keyd.ini"}, true
			}
		}
	}
	if s.PruneInactiveAfter > 0 && s.PruneInactiveAfter < both {
		return clash{names: []string{"prune_inactive_after", "quarantine", "overlap"}, fix: "lengthen prune_inactive_after in keyd.ini",
			text: fmt.Sprintf("prune_inactive_after = %s is shorter than overlap = %s and quarantine = %s together: it would delete the old key of another machine before that quarantine is over",
				FormatDuration(s.PruneInactiveAfter), FormatDuration(s.Overlap), FormatDuration(s.Quarantine))}, true
	}
	return clash{}, false
}

// checkLatest returns why an old key would still exist at max_age with this rotate_after,
// even if nothing delays its rotation; "" if it would not.
func (s Settings) checkLatest(after time.Duration) string {
	latest := addUp(after, after/10, s.Overlap, s.Quarantine)
	if latest < s.MaxAge {
		return ""
	}
	return fmt.Sprintf("rotate_after = %s +10 %%, overlap = %s and quarantine = %s add up to %s: an old key would reach max_age = %s",
		FormatDuration(after), FormatDuration(s.Overlap), FormatDuration(s.Quarantine), FormatSpan(latest), FormatDuration(s.MaxAge))
}

// addUp returns the sum of durations that are not negative, or the longest duration that
// there is, of 292 years.
func addUp(parts ...time.Duration) (sum time.Duration) {
	for _, d := range parts {
		if d > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += d
	}
	return sum
}

// Remarks returns what keyd.ini asks for and keyd cannot do, although it is not a mistake and
// nothing about it is unsafe.
func (s Settings) Remarks() (texts []string) {
	both := addUp(s.Overlap, s.Quarantine)
	remark := func(where string, after time.Duration) {
		if after > 0 && after < both {
			texts = append(texts, fmt.Sprintf("%srotate_after = %s is shorter than overlap = %s and quarantine = %s together: a key is replaced when the rotation before it has ended, %s after it began",
				where, FormatDuration(after), FormatDuration(s.Overlap), FormatDuration(s.Quarantine), FormatDuration(both)))
		}
	}
	if s.Unknown {
		return nil
	}
	remark("", s.RotateAfter)
	for _, profile := range slices.Sorted(maps.Keys(s.ProfileRotateAfter)) {
		remark("[profile "+profile+"] ", s.ProfileRotateAfter[profile])
	}
	return texts
}
