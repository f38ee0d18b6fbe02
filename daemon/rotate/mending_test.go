package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestMendingDoesNotWaitForOtherFailures: keyd tries tomorrow again to delete or
// deactivate the old key, because AWS denies it today. A file that shows the old key again
// is mended now.
func TestMendingDoesNotWaitForOtherFailures(t *testing.T) {
	for action, limit := range map[string]time.Duration{"DeleteAccessKey": 12 * settings.Day, "UpdateAccessKey": 3 * settings.Day} {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				backup := l.ReadCredentials()
				l.Pass(rotate.Request{})
				want := l.ReadCredentials()
				l.User.DenyAction(action, awssim.NotAllowed)
				l.RunUntil(limit, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
				l.WriteFile("credentials", backup)
				calls := len(l.Cloud.Calls())
				r := l.Pass(rotate.Request{})
				if l.ReadCredentials() != want {
					t.Errorf("not mended: %s: %s", r.State, r.Why)
				}
				for range 10 {
					time.Sleep(15 * time.Minute)
					l.Pass(rotate.Request{})
				}
				if n := len(l.Cloud.Calls()) - calls; n > 10 {
					t.Errorf("%d calls for one mending", n)
				}
				if out := l.Cloud.Outage(l.Shown, time.Now()); out > time.Minute {
					t.Errorf("the file showed a dead key for %s", out)
				}
			})
		})
	}
}
