package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestTheClockTellsSleep is a laptop whose lid is closed: the wall clock jumps
// against the monotonic one, or a timer fires late where both go on.
func TestTheClockTellsSleep(t *testing.T) {
	steps := []struct {
		name     string
		step     time.Duration // what was to be waited
		passes   time.Duration // what the monotonic clock ran
		jumps    time.Duration // what the wall clock moved beyond that
		wantWoke bool
	}{
		{name: "a quiet step", step: time.Hour, passes: time.Hour},
		{name: "a step cut short by a file change", step: time.Hour, passes: time.Minute},
		{name: "eight hours with the lid closed", step: time.Hour, passes: time.Minute, jumps: 8 * time.Hour, wantWoke: true},
		{name: "the clock is set back", step: time.Hour, passes: time.Minute, jumps: -time.Hour, wantWoke: true},
		{name: "a clock that drifts by seconds", step: time.Hour, passes: time.Hour, jumps: 5 * time.Second},
		{name: "a timer that fires late", step: time.Minute, passes: 3 * time.Hour, wantWoke: true},
		{name: "a long pass, with no step set", step: 0, passes: 15 * time.Minute},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset time.Duration
				c := wakeDetector{now: func() time.Time { return time.Now().Add(offset) }}
				c.startStep(s.step)
				time.Sleep(s.passes)
				offset += s.jumps
				if got := c.hasWoken(); got != s.wantWoke {
					t.Errorf("woke: %v", got)
				}
				if c.hasWoken() {
					t.Error("the same sleep is told twice")
				}
			})
		})
	}
}

// TestClockSetForwardEndsNoWait: the overlap and the quarantine are there for
// people, and do not end because a clock says so that AWS contradicts.
func TestClockSetForwardEndsNoWait(t *testing.T) {
	cases := map[string]struct {
		at    State
		ahead time.Duration
	}{
		"in the overlap":    {StateOverlap, 2 * day},
		"in the quarantine": {StateQuarantine, 10 * day},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.live(3*day, func(r Result) bool { return r.State == c.at })
				before := l.cloud.Keys(l.user)
				ahead := c.ahead
				l.now = func() time.Time { return time.Now().Add(ahead) }
				l.restart()
				time.Sleep(10 * time.Minute)
				r := l.pass(Request{})
				if !r.NeedsPerson || !strings.Contains(r.Why, "clock") || !slices.Equal(l.cloud.Keys(l.user), before) {
					t.Errorf("%s: %s, keys %+v", r.State, r.Why, l.cloud.Keys(l.user))
				}
				ahead = 0
				l.live(9*day, settled)
				l.oneKey()
			})
		})
	}
}

// TestWaitThatBeganInTheFuture: the clock was ahead when a wait began, and is right
// again. The wait begins anew, and does not take a year.
func TestWaitThatBeganInTheFuture(t *testing.T) {
	cases := map[string]struct {
		at   State
		edit func(*Rotation, time.Time)
	}{
		"the overlap":    {StateOverlap, func(r *Rotation, at time.Time) { r.Swapped, r.Validated = at, at }},
		"the quarantine": {StateQuarantine, func(r *Rotation, at time.Time) { r.Deactivated = at }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.live(3*day, func(r Result) bool { return r.State == c.at })
				r := journalled(t, l.d)
				c.edit(r, time.Now().Add(300*day).UTC())
				if err := l.d.journalDir().Save(r); err != nil {
					t.Fatal(err)
				}
				if got := l.pass(Request{}); got.State != c.at {
					t.Errorf("%s: %s", got.State, got.Why)
				}
				l.live(9*day, settled)
				l.safe()
				l.oneKey()
			})
		})
	}
}

// TestLastUseThatWasReadInTheFuture by a clock that was ahead is read again.
func TestLastUseThatWasReadInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(time.Hour, func(r Result) bool { return r.State == StateOverlap })
		ahead := 300 * day
		l.now = func() time.Time { return time.Now().Add(ahead) }
		l.restart()
		time.Sleep(time.Hour)
		if err := l.user.UseKey(l.old.ID, "s3", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		l.pass(Request{})
		ahead = 0
		time.Sleep(2 * day)
		read := l.count("GetAccessKeyLastUsed")
		if r := l.pass(Request{}); time.Until(r.Until) > day || l.count("GetAccessKeyLastUsed") == read || !strings.Contains(r.Why, "still used") {
			t.Errorf("%s: %s, next in %s", r.State, r.Why, time.Until(r.Until))
		}
	})
}
