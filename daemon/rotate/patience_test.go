package rotate_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestUseThatHasEndedHoldsNothingUp: a program uses the old key once after the swap, and
// never again. The rotation ends by itself, and nobody is called.
func TestUseThatHasEndedHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{})
		time.Sleep(time.Hour)
		lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
		l.RunUntil(l.Rotator.Settings.Overlap+l.Rotator.Settings.Quarantine+2*settings.Day, func(r rotate.Result) bool {
			if r.NeedsPerson {
				t.Fatalf("a person is called: %s; run %q", r.Why, r.Hint)
			}
			return lab.Settled(r)
		})
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestDenialInTheOverlap: the VPN without which a policy denies everything is on for two
// hours of each working day, also when the old key is to be retired.
func TestDenialInTheOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Pass(rotate.Request{})
		start := time.Now().Truncate(settings.Day).Add(settings.Day)
		l.User.DenyActionWhen("*", awssim.ExplicitDeny, func(at time.Time) bool {
			hour := at.Sub(start) % settings.Day
			return hour < 10*time.Hour || hour >= 12*time.Hour
		})
		var last rotate.Result
		for day := 0; day < 25 && !lab.Settled(last); day++ {
			workday(l, start.Add(time.Duration(day)*settings.Day+8*time.Hour+30*time.Minute), func(r rotate.Result) { last = r })
		}
		if !lab.Settled(last) {
			t.Errorf("after 25 days: %s: %s; run %q", last.State, last.Why, last.Hint)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestNoWayToAWSIsTold: nothing has answered since keyd was installed, so the age of the
// key is unknown. A machine that is on for a week is told.
func TestNoWayToAWSIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS})
		for day := range 10 {
			r := l.Pass(rotate.Request{})
			if r.State != decide.StateWaiting && !r.NeedsPerson || !strings.Contains(r.Hint, "connect this machine to the network") {
				t.Fatalf("day %d: %s: %s; run %q", day, r.State, r.Why, r.Hint)
			}
			if r.NeedsPerson {
				if day < 7 {
					t.Errorf("told on day %d, perhaps at sea", day)
				}
				return
			}
			time.Sleep(settings.Day)
		}
		t.Error("nobody was told in ten days")
	})
}
