package rotate_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

func TestWrongClockCreatesNoKey(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, 10 * time.Minute, 20 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.Cloud.SkewDate(off)
			r := l.Pass(rotate.Request{})
			if !r.NeedsPerson || !strings.Contains(r.Why, "clock") || l.CountCalls("CreateAccessKey") != 0 {
				t.Errorf("off by %s: %s, %s (%v)", off, r.State, r.Why, r.Err)
			}
		})
	}
}

// TestClockSetForwardDoesNotEndWait: the overlap and the quarantine give people
// time, and do not end because of a clock that AWS contradicts.
func TestClockSetForwardDoesNotEndWait(t *testing.T) {
	cases := map[string]struct {
		at    decide.State
		ahead time.Duration
	}{
		"in the overlap":    {decide.StateOverlap, 2 * settings.Day},
		"in the quarantine": {decide.StateQuarantine, 10 * settings.Day},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == c.at })
				before := l.Cloud.Keys(l.User)
				ahead := c.ahead
				l.Now = func() time.Time { return time.Now().Add(ahead) }
				l.Restart()
				time.Sleep(10 * time.Minute)
				r := l.Pass(rotate.Request{})
				if !r.NeedsPerson || !strings.Contains(r.Why, "clock") || !slices.Equal(l.Cloud.Keys(l.User), before) {
					t.Errorf("%s: %s, keys %+v", r.State, r.Why, l.Cloud.Keys(l.User))
				}
				ahead = 0
				l.RunUntil(9*settings.Day, lab.Settled)
				l.CheckOneKey()
			})
		})
	}
}

// TestWaitWithFutureStartBeginsAgain: the clock was ahead when a wait began, and is
// right again. The wait begins again, and does not last a year.
func TestWaitWithFutureStartBeginsAgain(t *testing.T) {
	cases := map[string]struct {
		at   decide.State
		edit func(*journal.Rotation, time.Time)
	}{
		"the overlap":    {decide.StateOverlap, func(r *journal.Rotation, at time.Time) { r.Swapped, r.Validated = at, at }},
		"the quarantine": {decide.StateQuarantine, func(r *journal.Rotation, at time.Time) { r.Deactivated = at }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == c.at })
				r := loadRotation(t, l.Rotator)
				c.edit(r, time.Now().Add(300*settings.Day).UTC())
				if err := l.Rotator.JournalDir().Save(r); err != nil {
					t.Fatal(err)
				}
				if got := l.Pass(rotate.Request{}); got.State != c.at {
					t.Errorf("%s: %s", got.State, got.Why)
				}
				l.RunUntil(9*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestLastUseReadInFutureIsReadAgain: a last use that was read while the clock was ahead
// is read again.
func TestLastUseReadInFutureIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		ahead := 300 * settings.Day
		l.Now = func() time.Time { return time.Now().Add(ahead) }
		l.Restart()
		time.Sleep(time.Hour)
		if err := l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		l.Pass(rotate.Request{})
		ahead = 0
		time.Sleep(settings.Day)
		read := l.CountCalls("GetAccessKeyLastUsed")
		if r := l.Pass(rotate.Request{}); time.Until(r.Until) > settings.Day || l.CountCalls("GetAccessKeyLastUsed") == read || !strings.Contains(r.Why, "still used") {
			t.Errorf("%s: %s, next in %s", r.State, r.Why, time.Until(r.Until))
		}
	})
}

// TestClockSetBackDoesNotBlock sets the clock back between two steps of a rotation, which
// costs one more look and nothing else.
func TestClockSetBackDoesNotBlock(t *testing.T) {
	for _, back := range []time.Duration{time.Second, 20 * time.Second, 4 * time.Minute} {
		t.Run(back.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
				l.Restart()
				l.Rotator.Now = func() time.Time { return time.Now().Add(-back) }
				l.Rotator.AwakeSince = time.Now() // as in a daemon that started before the clock was set back
				r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, DeleteNow: true}})
				if !lab.Settled(r) {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestClockFarBackIsTold: a clock that falls back by a year in the middle of a rotation, as
// with an empty battery, is what a person is told about: not a use of the old key that was
// keyd's own, and not that keyd goes in circles. The overlap begins when the clock is right
// again, also where AWS does not say whether the old key is used.
func TestClockFarBackIsTold(t *testing.T) {
	for name, begin := range map[string]func(*lab.Lab){
		"proven": func(l *lab.Lab) { l.PassOnce(rotate.Request{}) },
		"use unknown": func(l *lab.Lab) {
			l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed)
			l.PassOnce(rotate.Request{})
		},
		"lost answer": func(l *lab.Lab) {
			l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
			l.PassOnce(rotate.Request{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				begin(l)
				l.Restart()
				l.Rotator.Now = func() time.Time { return time.Now().Add(-365 * settings.Day) }
				var r rotate.Result
				for range 6 {
					time.Sleep(6 * time.Hour)
					r = l.PassOnce(rotate.Request{})
				}
				if !r.NeedsPerson || !strings.Contains(r.Why, "this machine's clock differs from AWS's by 36") || l.KeyStatuses()[l.OldKey.ID] != "Active" {
					t.Errorf("%s: %s; %v", r.State, r.Why, l.KeyStatuses())
				}
				l.Restart()
				l.Rotator.AwakeSince = time.Now()
				l.RunUntil(9*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
				right := time.Now()
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				if overlap := time.Since(right); overlap < settings.Day {
					t.Errorf("the old key was deactivated after %s", overlap)
				}
				l.CheckPromises()
			})
		})
	}
}

// TestLostCallInFutureCostsFewLooks: the clock was two days ahead when CreateAccessKey was
// sent, its answer was lost, and the clock is right again. One look finds that out, and the
// status names the true wait. A key from another time than that of the call is left to a
// person, who costs no look at every pass either.
func TestLostCallInFutureCostsFewLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateWaiting })
		r := loadRotation(t, l.Rotator)
		r.CreateSent, r.CreateAnswered = r.CreateSent.Add(2*settings.Day), r.CreateAnswered.Add(2*settings.Day)
		lab.Must(t, l.Rotator.JournalDir().Save(r))
		l.Restart()
		listing := [2]int{} // the passes of a day that list the keys
		for day := range listing {
			for i := range 24 * 4 {
				time.Sleep(15 * time.Minute)
				before := l.CountCalls("ListAccessKeys")
				r := l.Pass(rotate.Request{})
				if strings.Contains(r.Why, "from the future") || day == 0 && i < 8 && !strings.Contains(r.Why, "whether anyone uses it is known then") {
					t.Fatalf("day %d, pass %d: %s: %s", day, i, r.State, r.Why)
				}
				if l.CountCalls("ListAccessKeys") > before {
					listing[day]++
				}
			}
		}
		if listing[0] > 3 || listing[1] > 1 { // the keys are found, judged four hours later, and judged again after a day
			t.Errorf("%v passes listed the keys", listing)
		}
		if got := l.Pass(rotate.Request{}); !got.NeedsPerson || !strings.Contains(got.Why, "keyd cannot tell") || l.CountCalls("DeleteAccessKey") != 0 {
			t.Errorf("%s: %s", got.State, got.Why)
		}
		for id, status := range l.KeyStatuses() {
			if status != "Active" {
				t.Errorf("%s is %s", id, status)
			}
		}
		l.CheckPromises()
	})
}
