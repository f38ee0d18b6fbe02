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

func TestRotationIsWholeAndNobodyNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		start := l.Text()
		first := l.Pass(rotate.Request{})
		if first.State != decide.StateOverlap || first.KeyID == l.Old.ID {
			t.Fatalf("after the first pass: %s, %s (%v)", first.State, first.Why, first.Err)
		}
		l.Live(20*settings.Day, lab.Settled)
		l.Safe()
		l.OneKey()
		l.OnlyValues(start)
		if n := l.Count("CreateAccessKey"); n != 1 {
			t.Errorf("CreateAccessKey was sent %d times", n)
		}
		if elapsed := time.Since(l.Held[1].At); elapsed < 8*settings.Day {
			t.Errorf("the old key lived only %s after the swap", elapsed)
		}
	})
}

// TestTheOracleSeesAnOutage exchanges proof and swap, which is what the other
// tools do: an oracle that stays silent then would prove nothing above.
func TestTheOracleSeesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.D.Flaw = rotate.SwapUnproven
		l.Pass(rotate.Request{})
		out := l.Cloud.Outage(l.Held, time.Now())
		if out < 7*time.Second || out > 9*time.Second {
			t.Errorf("swap before proof: outage %s, want about 8s", out)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.Pass(rotate.Request{})
		if out := l.Cloud.Outage(l.Held, time.Now()); out != 0 || l.Shows() == l.Old.ID {
			t.Errorf("proof before swap: outage %s, file shows %s", out, l.Shows())
		}
	})
}

// eightSeconds is an IAM that needs 8 s to learn a new key, everywhere.
func eightSeconds() awssim.Lag {
	return awssim.Lag{Create: awssim.Range{Min: 8 * time.Second, Max: 8 * time.Second}, Replicas: 3}
}

func TestRetireNowDoesItAllInOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 3*settings.Day)
		start := l.Text()
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}})
		if !lab.Settled(r) {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		l.Safe()
		l.OneKey()
		l.OnlyValues(start)
	})
}
