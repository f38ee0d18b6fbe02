package hint

import (
	"testing"
)

// A guess that is far off is worse than no guess, because people follow it.
func TestNearestReturnsALikelyWordOrNothing(t *testing.T) {
	commands := []string{"hold", "install", "logs", "prune", "restart", "resume", "run", "start", "status", "stop", "uninstall"}
	for _, tc := range []struct {
		text  string
		known []string
		want  string
	}{
		{"stauts", commands, "status"},
		{"staus", commands, "status"},
		{"strat", commands, "start"},
		{"hlod", commands, "hold"},
		{"ru", commands, "run"},
		{"instal", commands, "install"},
		{"bsh", []string{"zsh", "fish", "bash"}, "bash"}, // people rarely miss the first letter
		{"dev2", []string{"dev", "dev1", "dev11"}, "dev1"},
		{"defualt", []string{"work", "default"}, "default"},
		{"PROD", []string{"PRO", "prod"}, "prod"}, // only the case is wrong
		{"nope", []string{"default", "work"}, ""},
		{"nosuch", commands, ""},
		{"", []string{"default"}, ""},
		{"x", nil, ""},
	} {
		if got := Nearest(tc.text, tc.known); got != tc.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", tc.text, tc.known, got, tc.want)
		}
	}
}
