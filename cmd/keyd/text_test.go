package main

import (
	"strings"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
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
		if got := span(tc.d); got != tc.want {
			t.Errorf("span(%v) = %q, want %q", tc.d, got, tc.want)
		}
	}
}

func TestAgeIsOneUnitAndNeverNegative(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "0s", 90 * time.Minute: "1h", 30 * time.Hour: "1d", 412 * day: "412d",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMomentIsAsShortAsItStaysClear(t *testing.T) {
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
		if got := moment(tc.at, now); got != tc.want {
			t.Errorf("%v is %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestWrapLosesNoWordAndKeepsTheWidth(t *testing.T) {
	text := "the user has a second active key, AKIA..9ZTT, last used 3 days ago"
	for width := 12; width < 80; width++ {
		var joined strings.Builder
		for i, line := range wrap(text, width) {
			if len(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
			if i > 0 {
				joined.WriteString(" ")
			}
			joined.WriteString(line)
		}
		if joined.String() != text {
			t.Errorf("width %d: %q", width, joined.String())
		}
	}
}
