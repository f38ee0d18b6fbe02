package main

import (
	"path/filepath"
	"testing"
	"time"
)

func TestDurationHasAtMostTwoUnits(t *testing.T) {
	for _, tc := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{59 * time.Second, "59s"},
		{12*time.Minute + 30*time.Second, "12m"},
		{3*time.Hour + 12*time.Minute, "3h 12m"},
		{day - time.Second, "23h 59m"},
		{day + 3*time.Hour, "1d 3h"},
		{45 * day, "45d"},
		{-2 * time.Minute, "2m"},
	} {
		if got := formatDuration(tc.d); got != tc.want {
			t.Errorf("formatDuration(%v) = %q, want %q", tc.d, got, tc.want)
		}
	}
}

func TestAgeHasOneUnitAndIsNeverNegative(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "0s", 90 * time.Minute: "1h", 30 * time.Hour: "1d", 412 * day: "412d",
	} {
		if got := formatAge(d); got != want {
			t.Errorf("formatAge(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMomentIsShortAndUnambiguous(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 12, 0, 0, time.Local) // a Monday
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(4*time.Hour + 8*time.Minute), "14:20"},
		{now.Add(-10 * time.Hour), "00:12"},
		{now.AddDate(0, 0, 1), "tomorrow 10:12"},
		{now.AddDate(0, 0, -1), "yesterday 10:12"},
		{now.AddDate(0, 0, 5), "Sat 10:12"},
		{now.AddDate(0, 0, 7), "30 Nov"},
		{now.AddDate(0, 0, 60), "22 Jan"},
		{now.AddDate(-1, 0, 0), "23 Nov 2025"},
		{now.AddDate(0, 9, 0), "23 Aug 2027"},
	} {
		if got := formatMoment(tc.at, now); got != tc.want {
			t.Errorf("formatMoment(%v) = %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestRefusalsNameTheProfileOnce(t *testing.T) {
	for text, want := range map[string]string{
		"the user has no second key":             "work: the user has no second key",
		"no network":                             "work: no network",
		"profile work shows no key":              "profile work shows no key",
		"AKIA..Z6JG is active":                   "AKIA..Z6JG is active",
		"GKa1b2c3d4e5f60718293a4b5c is active":   "GKa1b2c3d4e5f60718293a4b5c is active", // Garage's
		"GKa1..4b5c is the key that another has": "GKa1..4b5c is the key that another has",
		"K0007abcde1234567890abcdef0: no room":   "K0007abcde1234567890abcdef0: no room",
	} {
		if got := nameSubject(text, "work"); got != want {
			t.Errorf("nameSubject(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestOnlyCommandsAreMarkedAsRun(t *testing.T) {
	for text, want := range map[string]string{
		"keyd prune default":                          "run: keyd prune default",
		"aws iam list-access-keys":                    "run: aws iam list-access-keys",
		"does the secret in the file belong to this?": "hint: does the secret in the file belong to this?",
		"please report it with: keyd history":         "hint: please report it with: keyd history",
	} {
		if got := formatHint(text); got != want {
			t.Errorf("formatHint(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPrefixNamesProfilesOnce(t *testing.T) {
	two := []string{"default", "work"}
	for text, want := range map[string]string{
		"default, work is no longer in the files": "default, work is no longer in the files",
		"work is no longer in the files":          "default, work: work is no longer in the files",
		"the user has a second key":               "default, work: the user has a second key",
	} {
		if got := prefixProfiles(two, text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := prefixProfiles([]string{"the"}, "the user has a second key"); got != "the: the user has a second key" {
		t.Errorf("a profile with the name of the first word is left out: %q", got)
	}
}

// TestHomeIsNotShortenedWithinQuotes: no shell expands ~ there, and people paste hints.
func TestHomeIsNotShortenedWithinQuotes(t *testing.T) {
	term := terminal{home: filepath.FromSlash("/home/alice")}
	for text, want := range map[string]string{
		"chmod go-w /home/alice/state":                    "chmod go-w ~/state",
		"chmod go-w '/home/alice/my state'":               "chmod go-w '/home/alice/my state'",
		"/home/alice/a: chmod '/home/alice/b', see /x":    "~/a: chmod '/home/alice/b', see /x",
		"/home/alice/a and '/home/alice/b /home/alice/c'": "~/a and '/home/alice/b ~/c'",
		"nothing": "nothing",
	} {
		if got := term.shortenHome(filepath.FromSlash(text)); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
