package daemon

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

func (w watcher) Do(r *http.Request) (*http.Response, error) {
	w.l.watch()
	return w.l.cloud.Do(r)
}

func TestRotationIsWholeAndNobodyNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		start := l.text()
		first := l.pass(Request{})
		if first.State != StateOverlap || first.KeyID == l.old.ID {
			t.Fatalf("after the first pass: %s, %s (%v)", first.State, first.Why, first.Err)
		}
		l.live(20*day, settled)
		l.safe()
		l.oneKey()
		l.onlyValues(start)
		if n := l.count("CreateAccessKey"); n != 1 {
			t.Errorf("CreateAccessKey was sent %d times", n)
		}
		if elapsed := time.Since(l.held[1].At); elapsed < 8*day {
			t.Errorf("the old key lived only %s after the swap", elapsed)
		}
	})
}

// TestTheOracleSeesAnOutage exchanges proof and swap, which is what the other
// tools do: an oracle that stays silent then would prove nothing above.
func TestTheOracleSeesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, eightSeconds(), 70*day)
		l.d.flaw = swapUnproven
		l.pass(Request{})
		out := l.cloud.Outage(l.held, time.Now())
		if out < 7*time.Second || out > 9*time.Second {
			t.Errorf("swap before proof: outage %s, want about 8s", out)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, eightSeconds(), 70*day)
		l.pass(Request{})
		if out := l.cloud.Outage(l.held, time.Now()); out != 0 || l.shows() == l.old.ID {
			t.Errorf("proof before swap: outage %s, file shows %s", out, l.shows())
		}
	})
}

// eightSeconds is an IAM that needs 8 s to learn a new key, everywhere.
func eightSeconds() awssim.Lag {
	return awssim.Lag{Create: awssim.Range{Min: 8 * time.Second, Max: 8 * time.Second}, Replicas: 3}
}

func TestRetireNowDoesItAllInOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 3*day)
		start := l.text()
		r := l.pass(Request{Options: Options{Manual: true, Force: true, RetireNow: true}})
		if !settled(r) {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		l.safe()
		l.oneKey()
		l.onlyValues(start)
	})
}
