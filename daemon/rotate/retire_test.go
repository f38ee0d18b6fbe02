package rotate_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestDeleteNowNeedsFreshLook: the clock may show the same time, or an earlier one, at the
// deactivation as at the look before it. keyd must not take that look for one that came
// after the deactivation.
func TestDeleteNowNeedsFreshLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, DeleteNow: true}})
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
		rotations := 20
		if !deeptest.On() {
			rotations = 5
		}
		for n := range rotations {
			if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, DeleteNow: true}}); !lab.Settled(r) {
				t.Fatalf("rotation %d: %s: %s", n, r.State, r.Why)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestSuggestedCommandEndsRotation: in each case keyd suggests a flag of keyd rotate, and
// that command ends the rotation: at once, or after the quarantine.
func TestSuggestedCommandEndsRotation(t *testing.T) {
	cases := map[string]func(*testing.T) *lab.Lab{
		"--retire-now": func(t *testing.T) *lab.Lab { // an old key that is active again
			l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
			l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
			time.Sleep(time.Hour)
			lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active"))
			l.RunUntil(12*settings.Day, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
			return l
		},
	}
	for flag, begin := range cases {
		t.Run(flag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t)
				if r := l.Pass(rotate.Request{}); !strings.Contains(r.Why+r.Hint, "keyd rotate "+flag) {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true, DeleteNow: flag == "--delete-now"}})
				if flag == "--retire-now" && r.State != decide.StateQuarantine || flag == "--delete-now" && !lab.Settled(r) {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				l.RunUntil(8*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestDeleteNowAppliesOnce: a key that a person makes Active again after
// --delete-now stays Active until the person uses that or --retire-now again.
func TestDeleteNowAppliesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.User.DenyAction("DeleteAccessKey", awssim.NotAllowed)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, DeleteNow: true}})
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

// TestUsedOldKeyIsKept: an old key that is used every day stays Active, and says so in
// the status. Only before it reaches max_age is a person called, who ends the overlap; the
// quarantine remains.
func TestUsedOldKeyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{})
		var r rotate.Result
		for day := range 25 {
			time.Sleep(settings.Day / 2)
			lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
			time.Sleep(settings.Day / 2)
			r = l.Pass(rotate.Request{})
			late := day >= 19 // used at noon, a day of quiet, and four hours for AWS to report it: past 90 days
			if !strings.Contains(r.Why, "is still used by s3 in eu-west-1") || r.NeedsPerson != late || !late && r.State != decide.StateOverlap || r.OldKeyUse == nil || len(r.OldKeyUse.Days) != day+1 {
				t.Fatalf("day %d: %s: %s; %+v", day, r.State, r.Why, r.OldKeyUse)
			}
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" || r.Hint != "put the new key there as well; or stop waiting for that: keyd rotate --retire-now default" {
			t.Errorf("a key in use was touched: %+v; %s", keys, r.Hint)
		}
		if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.State != decide.StateQuarantine {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.RunUntil(8*settings.Day, lab.Settled)
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
