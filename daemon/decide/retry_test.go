package decide

import (
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestRecoveryWaitsOnlyForItsOwnFailure: lists which failures delay each step
// that repairs something.
func TestRecoveryWaitsOnlyForItsOwnFailure(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	rotation := func(edit func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: "AKIAOLDOLDOLDOLDOLD1"}, New: credfile.Key{ID: "AKIANEWNEWNEWNEWNEW2"}, Places: []journal.Place{{Profile: "default"}},
			Created: now, Swapped: now, Validated: now, DeactivateStarted: now, Deactivated: now, Described: true}
		edit(r)
		return r
	}
	none := func(*journal.Rotation) {}
	cases := map[string]struct {
		rotation func(*journal.Rotation)
		shows    Placement
		proven   bool
		do       Do
		with     Do // another step whose failure delays it
	}{
		"half of each pair":            {none, Placement{Old: 1, Torn: 1}, false, DoMend, ""},
		"the old pair is back":         {none, Placement{Old: 1}, false, DoProve, DoSwap},
		"the old pair is back, proven": {none, Placement{Old: 1}, true, DoSwap, ""},
		"mended":                       {func(r *journal.Rotation) { r.MendStarted = now }, Placement{New: 1}, false, DoValidate, ""},
		"the new key failed":           {failed, Placement{New: 1}, false, DoPutBack, ""},
		"held":                         {held, Placement{New: 1}, false, DoRevive, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, failed := range []Do{DoLook, DoProve, DoMend, DoSwap, DoValidate, DoPutBack, DoDescribe, DoCheckUse, DoDeactivate, DoRevive, DoDelete} {
				f := Facts{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"default"}, Rotation: rotation(c.rotation), Placement: c.shows, Proven: c.proven,
					Failure: &Failure{Do: failed, At: now, Count: 1, Why: "AccessDenied", NeedsPerson: true}}
				want := c.do
				if failed == c.do || failed == c.with {
					want = DoBlock
				}
				if d := Next(f, settings.Default(), now); d.Do != want {
					t.Errorf("after %s failed: %s (%s), want %s", failed, d.Do, d.Why, want)
				}
			}
		})
	}
}

// TestFailureDurationExcludesSleep: a week with the lid closed is not a week of
// failures.
func TestFailureDurationExcludesSleep(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	before := &Failure{Do: DoLook, At: at, Count: 3, Lasted: time.Hour}
	for _, c := range []struct{ awake, now, want time.Duration }{
		{0, 6 * time.Hour, 7 * time.Hour},
		{-settings.Day, 6 * time.Hour, 7 * time.Hour},
		{8 * settings.Day, 8*settings.Day + 10*time.Minute, time.Hour + 10*time.Minute},
		{0, -time.Hour, time.Hour},                       // the clock was set back
		{0, 30 * settings.Day, settings.Day + time.Hour}, // keyd did not run
	} {
		next := Failure{Do: DoLook, At: at.Add(c.now)}
		next.ContinueFrom(before, at.Add(c.awake))
		if next.Count != 4 || next.Lasted != c.want {
			t.Errorf("awake since %s, at %s: %+v", c.awake, c.now, next)
		}
	}
}

func TestRetriesSlowDownButNeverStop(t *testing.T) {
	total := time.Duration(0)
	for n := 1; n < 60; n++ {
		step := RetryAfter(n)
		if step < RetryAfter(n-1) || step > 6*time.Hour {
			t.Errorf("failure %d waits %s after %s", n, step, RetryAfter(n-1))
		}
		total += step
	}
	if total < 10*settings.Day {
		t.Errorf("59 failures in %s", total)
	}
}

func TestOfflineRetriesAreFrequentAndSpread(t *testing.T) {
	at, total := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), time.Duration(0)
	drawn := map[time.Duration]bool{}
	for n := range 1000 {
		step := offlineRetryAfter(n, at.Add(total), "AKIAOLDOLDOLDOLDOLD1")
		if step < 10*time.Second || step > 15*time.Minute || step > max(RetryAfter(n), 10*time.Second) {
			t.Fatalf("failure %d waits %s", n, step)
		}
		drawn[step] = true
		total += step
	}
	if mean := total / 1000; mean < 6*time.Minute || mean > 9*time.Minute || len(drawn) < 900 {
		t.Errorf("%s on average, %d different", mean, len(drawn))
	}
}

func TestJitterIsStableAndWithinATenth(t *testing.T) {
	different := map[time.Duration]bool{}
	for id := range strings.SplitSeq("AKIAA AKIAB AKIAC AKIAD AKIAE AKIAF AKIAG AKIAH", " ") {
		j := AddJitter(60*settings.Day, id, "")
		if j < 54*settings.Day || j > 66*settings.Day || j != AddJitter(60*settings.Day, id, "") {
			t.Errorf("%s: %s", id, j)
		}
		different[j] = true
	}
	if len(different) < 6 {
		t.Errorf("only %d different days for 8 keys", len(different))
	}
}
