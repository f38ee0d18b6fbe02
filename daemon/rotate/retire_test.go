package rotate_test

import (
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

// TestRetireNowNeedsFreshLook: the clock may show the same time, or an earlier one, at the
// deactivation as at the look before it. keyd must not take that look for one that came
// after the deactivation.
func TestRetireNowNeedsFreshLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		if !lab.Settled(r) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestLaggingListIsNotReactivation: after the deactivation one list can show the old
// key as Inactive and the next one as Active again, although no one has touched it.
func TestLaggingListIsNotReactivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		for n := range 20 {
			if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}}); !lab.Settled(r) {
				t.Fatalf("rotation %d: %s: %s", n, r.State, r.Why)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestRetireNowEndsSuggestedCases: in each case keyd suggests keyd rotate
// --retire-now, and that command ends the rotation.
func TestRetireNowEndsSuggestedCases(t *testing.T) {
	cases := map[string]func(*testing.T) *lab.Lab{
		"an old key that is active again": func(t *testing.T) *lab.Lab {
			l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
			l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
			time.Sleep(time.Hour)
			lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active"))
			l.RunUntil(12*settings.Day, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
			return l
		},
	}
	for name, begin := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t)
				if r := l.Pass(rotate.Request{}); !strings.Contains(r.Why+r.Hint, "keyd rotate --retire-now") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); !lab.Settled(r) {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestRetireNowAppliesOnce: a key that a person makes Active again after
// --retire-now stays Active until the person uses --retire-now again.
func TestRetireNowAppliesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.User.DenyAction("DeleteAccessKey", awssim.NotAllowed)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		time.Sleep(time.Hour)
		lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active"))
		for range 3 {
			time.Sleep(settings.Day)
			l.Pass(rotate.Request{})
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" {
			t.Errorf("%+v", keys)
		}
	})
}

func TestUsedOldKeyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{})
		time.Sleep(5 * time.Hour)
		if err := l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		r := l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		for _, word := range []string{"s3", "eu-west-1", "still used"} {
			if !strings.Contains(r.Why, word) {
				t.Errorf("%q does not say %q", r.Why, word)
			}
		}
		time.Sleep(30 * settings.Day)
		l.Pass(rotate.Request{})
		if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" {
			t.Errorf("a key in use was touched: %+v", keys)
		}
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		l.CheckOneKey()
		l.CheckPromises()
	})
}

// loadRotation returns the only rotation in progress.
func loadRotation(t *testing.T, d *rotate.Rotator) *journal.Rotation {
	t.Helper()
	all, errs := d.JournalDir().Load(t.Context())
	if len(all) != 1 || len(errs) > 0 {
		t.Fatalf("%d rotations are in progress: %v", len(all), errs)
	}
	return all[0]
}
