package main

import (
	"strings"
	"testing"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

var monday = time.Date(2026, 11, 23, 10, 12, 0, 0, time.UTC)

func fourKeys() *report {
	return &report{
		Version: 1, Now: monday, Running: true, By: "run", PID: 4711, Daemon: &state.DaemonInfo{PID: 4711, Since: monday.Add(-time.Hour)},
		Looked: monday.Add(-4 * time.Minute), nextLook: monday.Add(11 * time.Minute), settings: settings.Default(),
		Keys: []state.KeyStatus{
			{Profiles: []string{"legacy"}, KeyID: "AKIAIOSFODNN7EXAMPLE", Created: monday.Add(-412 * day), State: decide.StateBlocked,
				Why: "the user has a second active key, AKIA..9ZTT, last used 3d ago by s3 in eu-west-1", Short: "second active key", Hint: "keyd prune legacy", NeedsPerson: true},
			{Profiles: []string{"default", "work"}, KeyID: "AKIAIOSFODNN7EXAMPL2", Created: monday.Add(-12 * day), State: decide.StateOK,
				Until: monday.Add(45 * day), Why: "12d old, replaced at 57d"},
			{Profiles: []string{"sandbox"}, State: decide.StateSkipped, Why: "temporary credentials"},
		},
	}
}

func TestTableWithoutATerminal(t *testing.T) {
	want := `PROFILE        KEY          AGE    NEXT       STATE
legacy         AKIA..MPLE  412d!!  needs you  blocked: the user has a second active key, AKIA..9ZTT, last used 3d ago by s3 in eu-west-1
default, work  AKIA..MPL2   12d    in 45d     ok
sandbox        -              -    -          skipped: temporary credentials

legacy: second active key
    run: keyd prune legacy

2 keys: 1 ok, 1 needs you; 1 past max_age (90d) !!; 1 skipped
keyd has been running since 09:12 (pid 4711); last checked 4m ago, next check in 11m
`
	if got := (&terminal{}).statusTable(fourKeys()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNoLineIsWiderThanTheTerminal: people would read a line that the terminal breaks
// as two keys.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for width := 36; width < 150; width++ {
		for line := range strings.Lines((&terminal{width: width}).statusTable(fourKeys())) {
			if n := layout.CountColumns(strings.TrimRight(line, " \n")); n > width {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
		}
	}
}

func TestOnlyUrgentTextIsRed(t *testing.T) {
	text := (&terminal{width: 200, colour: true}).statusTable(fourKeys())
	for _, red := range []string{"\x1b[31m412d!!\x1b[0m", "\x1b[31mblocked: "} {
		if !strings.Contains(text, red) {
			t.Errorf("no %q in %q", red, text)
		}
	}
	if strings.Contains(text, "\x1b[31m12d") || strings.Contains((&terminal{width: 200}).statusTable(fourKeys()), "\x1b") {
		t.Error("there is a colour where there should be none")
	}
}

func TestKeysNearTheLimitAreMarked(t *testing.T) {
	u := &terminal{colour: true}
	for old, want := range map[time.Duration]string{80 * day: "x", 81 * day: u.yellow("x!"), 89 * day: u.yellow("x!"), 90 * day: u.red("x!!"), 91 * day: u.red("x!!")} {
		if got := u.ageColour(old, 90*day)("x" + ageMark(old, 90*day)); got != want {
			t.Errorf("a key that is %v old is shown as %q, want %q", old, got, want)
		}
	}
}

// TestJSONOmitsZeroTimes: a program that reads the year 1 would take it for a time.
func TestJSONOmitsZeroTimes(t *testing.T) {
	r := fourKeys()
	r.Keys[0].Seen = &decide.Seen{Keys: []decide.ListedKey{{ID: "AKIAIOSFODNN7EXAMPLE", LastUse: &remote.Use{}}}}
	if text := formatJSON(r); strings.Contains(text, "0001-01-01") || !strings.Contains(text, `"used"`) {
		t.Error(text)
	}
}
