package main

import (
	"fmt"
	"strings"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// summaryWords names the states in the summary, in its order. States with the same word are
// counted together.
var summaryWords = []struct {
	word   string
	states []decide.State
}{
	{"ok", []decide.State{decide.StateOK}},
	{"new", []decide.State{decide.StateNew}},
	{"due", []decide.State{decide.StateDue}},
	{"rotating", []decide.State{decide.StateRotating, decide.StateOverlap, decide.StateQuarantine}},
	{"retiring", []decide.State{decide.StateRetiring}},
	{"on hold", []decide.State{decide.StateHeld}},
	{"waiting", []decide.State{decide.StateWaiting}},
	{"blocked", []decide.State{decide.StateBlocked}}, // and keyd acts on it by itself
}

// summary counts the keys by what they need.
type summary struct {
	keys, skipped, needs int
	states               map[decide.State]int // without the keys that need a person
	near, past           int                  // in the last tenth before max_age, and past it
}

// summarize counts all keys of the report, also those that it does not show.
func (r *report) summarize() summary {
	s := summary{states: map[decide.State]int{}}
	for _, l := range append(r.Keys[:len(r.Keys):len(r.Keys)], r.others...) {
		s.add(l, r)
	}
	return s
}

func (s *summary) add(l state.KeyStatus, r *report) {
	if old := r.Now.Sub(l.Created); !l.Created.IsZero() && isNearLimit(old, r.settings.MaxAge) && l.State != decide.StateSkipped {
		if old < r.settings.MaxAge {
			s.near++
		} else {
			s.past++
		}
	}
	switch {
	case l.NeedsPerson:
		s.needs++
	case l.State == decide.StateSkipped:
		s.skipped++
		return
	default:
		s.states[l.State]++
	}
	s.keys++
}

// formatSummary says how many keys there are and what they need: "12 keys: 8 ok, 1 rotating,
// 3 need you". It returns "" when there is no key.
func (t *terminal) formatSummary(r *report) string {
	s := r.summarize()
	if s.keys == 0 {
		return ""
	}
	var parts []string
	for _, w := range summaryWords {
		n := 0
		for _, of := range w.states {
			n += s.states[of]
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", settings.FormatNumber(int64(n)), w.word))
		}
	}
	if s.needs > 0 {
		parts = append(parts, t.red(settings.FormatCount(s.needs, "needs you", "need you")))
	}
	text := settings.FormatCount(s.keys, "key", "keys") + ": " + strings.Join(parts, ", ")
	limit := "max_age (" + formatDuration(r.settings.MaxAge) + ")"
	if s.past > 0 {
		text += "; " + t.red(settings.FormatNumber(int64(s.past))+" past "+limit+" !!")
		limit = "it"
	}
	if s.near > 0 {
		text += "; " + t.yellow(settings.FormatNumber(int64(s.near))+" near "+limit+" !")
	}
	if s.skipped > 0 {
		text += "; " + settings.FormatNumber(int64(s.skipped)) + " skipped"
	}
	return layout.Fill("", text, layout.Hanging, t.width)
}
