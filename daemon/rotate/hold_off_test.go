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

// TestHoldRevivesAKeyThatOthersTurnedOff: somebody has made the old key Inactive in the
// console before keyd did. The status says so, and keyd hold makes it usable again, as it
// does after keyd's own deactivation; after that keyd leaves the key to whoever turns it off.
func TestHoldRevivesAKeyThatOthersTurnedOff(t *testing.T) {
	for name, lag := range map[string]awssim.Lag{"at once": {}, "with the lag of AWS": awssim.RealLag()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, lag, 70*settings.Day) // where reading takes no time, so that the hold makes no new look
				l.Rotator.Settings.Overlap = 7 * settings.Day
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
				lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Inactive"))
				time.Sleep(2 * settings.Day)
				l.Pass(rotate.Request{})
				if r := l.Pass(rotate.Request{}); !strings.Contains(r.Why, "someone has made") || !strings.Contains(r.Why, "keyd hold default") {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				r, err := l.Rotator.Hold(t.Context(), "default")
				if err != nil || r.State != decide.StateHeld || l.KeyStatuses()[l.OldKey.ID] != "Active" || !strings.Contains(r.Why, "stays usable") {
					t.Errorf("%s: %s, %v; %v", r.State, r.Why, err, l.KeyStatuses())
				}
				lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Inactive"))
				for range 3 {
					time.Sleep(settings.Day)
					r = l.Pass(rotate.Request{})
				}
				if l.KeyStatuses()[l.OldKey.ID] != "Inactive" || r.State != decide.StateHeld || !strings.Contains(r.Why, "someone has made") {
					t.Errorf("%s: %s; %v", r.State, r.Why, l.KeyStatuses())
				}
				l.CheckPromises()
			})
		})
	}
}
