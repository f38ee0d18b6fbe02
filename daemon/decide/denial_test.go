package decide

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keyd/daemon/settings"
)

// timetable is when a machine is awake and when the policies of AWS allow what keyd asks.
type timetable struct {
	up, down []time.Duration // of each day, since midnight
	from     []time.Duration // of each day: allowed for two hours from then on
	always   bool            // the machine never sleeps
}

const vpnFor = 2 * time.Hour

// drawTimetable draws the working days of a person: the lid is up for some hours, and
// the VPN is on for two of them.
func drawTimetable(rng *rand.Rand, days int, habit string) timetable {
	var t timetable
	t.always = habit == "a machine that never sleeps"
	fixed := time.Duration(rng.Int64N(int64(6 * time.Hour)))
	for range days {
		up := 7*time.Hour + time.Duration(rng.Int64N(int64(2*time.Hour)))
		t.up, t.down = append(t.up, up), append(t.down, up+9*time.Hour)
		from := up + 30*time.Minute + time.Duration(rng.Int64N(int64(6*time.Hour)))
		if habit == "the same hours each day" {
			from = 9*time.Hour + 30*time.Minute + fixed
		}
		t.from = append(t.from, from)
	}
	return t
}

// TestDenialThatComesAndGoesIsOvercome: whatever the hours of the VPN, a denied action
// gets through within 40 days, at no more than its tries in any 24 hours.
func TestDenialThatComesAndGoesIsOvercome(t *testing.T) {
	const days, trials = 40, 60
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, do := range []Do{DoLook, DoPreflight, DoCreate, DoDelete} {
		for _, habit := range []string{"drawn hours", "the same hours each day", "a machine that never sleeps"} {
			if do == DoCreate && habit == "a machine that never sleeps" {
				continue // one try a day and two hours of 24: not certain within 40 days
			}
			var took []time.Duration
			for trial := range trials {
				table := drawTimetable(rand.New(rand.NewPCG(7, uint64(trial))), days, habit)
				id := fmt.Sprintf("AKIA%016d", trial)
				tries, after := table.run(start, do, id)
				took = append(took, after)
				for i := do.deniedTries(); i < len(tries); i++ {
					if gap := tries[i].Sub(tries[i-do.deniedTries()]); gap < settings.Day {
						t.Fatalf("%s, %s: %d tries within %s", do, habit, do.deniedTries()+1, gap)
					}
				}
			}
			slices.Sort(took)
			if worst := took[trials-1]; worst >= days*settings.Day {
				t.Errorf("%s, %s: %d of %d did not get through in %d days", do, habit, trials-slices.Index(took, worst), trials, days)
			}
			t.Logf("%s, %s: half within %s, all within %s", do, habit, FormatAge(took[trials/2]), FormatAge(took[trials-1]))
		}
	}
}

// run returns when the action was tried, and how long it took until it was allowed.
func (t timetable) run(start time.Time, do Do, id string) (tries []time.Time, took time.Duration) {
	var failure *Failure
	for day := range t.up {
		midnight := start.Add(time.Duration(day) * settings.Day)
		awake, asleep := midnight.Add(t.up[day]), midnight.Add(t.down[day])
		if t.always {
			asleep = midnight.Add(settings.Day)
			awake = midnight
		}
		for now := awake; now.Before(asleep); now = now.Add(15 * time.Minute) {
			woke := awake
			if t.always {
				woke = start
			}
			if failure != nil && !failure.MayRetry(id, woke, now) {
				continue
			}
			tries = append(tries, now)
			if at := now.Sub(midnight); at >= t.from[day] && at < t.from[day]+vpnFor {
				return tries, now.Sub(start)
			}
			next := &Failure{Do: do, At: now, Count: 1}
			if failure != nil {
				next.ContinueFrom(failure, woke)
			}
			next.Deny(1, false)
			failure = next
		}
	}
	return tries, time.Duration(len(t.up)) * settings.Day
}

// TestPersonIsCalledAfterTwoDaysOfDenials: not for an hour off the VPN, nor for midnight;
// at once where no other hour can help.
func TestPersonIsCalledAfterTwoDaysOfDenials(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.Local)
	for name, c := range map[string]struct {
		after  []time.Duration
		person bool
	}{
		"once":                   {[]time.Duration{0}, false},
		"all day":                {[]time.Duration{0, 3 * time.Hour, 8 * time.Hour, 14 * time.Hour}, false},
		"around midnight":        {[]time.Duration{14*time.Hour + 50*time.Minute, 15*time.Hour + 10*time.Minute}, false},
		"the next day":           {[]time.Duration{0, 24 * time.Hour}, true},
		"the next morning":       {[]time.Duration{10 * time.Hour, 24 * time.Hour}, true},
		"all of the second day":  {[]time.Duration{0, 24 * time.Hour, 25 * time.Hour, 26 * time.Hour, 27 * time.Hour, 28 * time.Hour}, true},
		"the clock was set back": {[]time.Duration{48 * time.Hour, 0}, false},
	} {
		var before *Failure
		for _, after := range c.after {
			next := &Failure{Do: DoLook, At: at.Add(after), Count: 1, Why: "denied", NeedsPerson: true}
			if before != nil {
				next.ContinueFrom(before, time.Time{})
				lost := &Failure{Do: DoLook, At: next.At, Offline: true} // a lost network in between changes nothing
				lost.ContinueFrom(before, time.Time{})
				next = &Failure{Do: DoLook, At: at.Add(after), Why: "denied"}
				next.ContinueFrom(lost, time.Time{})
			}
			next.Deny(1, false)
			before = next
		}
		if before.NeedsPerson != c.person || len(before.DeniedAt) > deniedPerDay {
			t.Errorf("%s: needs a person %t, %d denials kept", name, before.NeedsPerson, len(before.DeniedAt))
		}
		f := Facts{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"default"}, Failure: before}
		want := DoWait
		if c.person {
			want = DoBlock
		}
		if d := Next(f, settings.Default(), before.At); d.Do != want || d.Until.Sub(before.At) < deniedMinGap {
			t.Errorf("%s: %+v", name, d)
		}
	}
	certain := &Failure{Do: DoCreate, At: at, Count: 1, NeedsPerson: true}
	certain.Deny(2, true)
	if !certain.NeedsPerson || certain.MayRetry("", at.Add(time.Hour), at.Add(2*time.Hour)) {
		t.Errorf("a certain denial: %+v", certain)
	}
}

// TestRetriesOfTwoKeysPartWays: two keys that failed at the same reading of a coarse clock
// do not draw the same waits.
func TestRetriesOfTwoKeysPartWays(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, f := range []Failure{{Do: DoLook, At: at, Count: 9, Offline: true}, {Do: DoLook, At: at, Count: 2, Denied: true}} {
		seen := map[time.Time]bool{}
		for n := range 50 {
			seen[f.retryAt(fmt.Sprintf("AKIA%016d", n))] = true
		}
		if len(seen) < 49 {
			t.Errorf("%d different times for 50 keys", len(seen))
		}
	}
}

// TestLastingFailureIsTold: a week of awake time without a success is told, also without
// any network, and after a day where the key may be too old.
func TestLastingFailureIsTold(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	young := &Seen{At: now, Account: "1", User: "u", Keys: []ListedKey{{ID: "AKIAOLDOLDOLDOLDOLD1", Active: true, Created: now.Add(-10 * settings.Day)}}}
	old := &Seen{At: now, Account: "1", User: "u", Keys: []ListedKey{{ID: "AKIAOLDOLDOLDOLDOLD1", Active: true, Created: now.Add(-100 * settings.Day)}}}
	for name, c := range map[string]struct {
		seen    *Seen
		offline bool
		told    time.Duration
	}{
		"one silent endpoint, young":       {young, false, FailureLimit},
		"one silent endpoint, too old":     {old, false, FailureLimitOldKey},
		"one silent endpoint, age unknown": {nil, false, FailureLimitOldKey},
		"no network, young":                {young, true, FailureLimit},
		"no network, too old":              {old, true, FailureLimit},
		"no network, age unknown":          {nil, true, FailureLimit},
	} {
		for _, lasted := range []time.Duration{c.told - time.Minute, c.told} {
			f := Facts{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"default"}, Seen: c.seen,
				Failure: &Failure{Do: DoLook, At: now, Count: 20, Why: "no such host", Offline: c.offline, Lasted: lasted}}
			if d := Next(f, settings.Default(), now); (d.Do == DoBlock) != (lasted == c.told) {
				t.Errorf("%s, after %s: %s", name, lasted, d.Do)
			}
		}
	}
}
