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

// TestDeletedKeyInMemoryCallsNobody: keyd is killed a moment after it has deleted its
// orphan, before it has saved the status. What it remembers still lists that key; the
// history knows better, and nobody is told to prune it.
func TestDeletedKeyInMemoryCallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		r := l.RunUntil(2*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		time.Sleep(time.Until(r.Until))
		for s := l.Rotator.NewSchedule(rotate.Request{}); l.CountCalls("DeleteAccessKey") == 0; {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			if next.IsZero() {
				t.Fatal("the pass ended and deleted nothing")
			}
			time.Sleep(time.Until(next))
		}
		l.Restart()
		if r := l.PassOnce(rotate.Request{}); r.NeedsPerson || strings.Contains(r.Hint, "prune") {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
	})
}
