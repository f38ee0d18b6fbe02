package rotate_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestRotationCompletesWithoutOutage runs one rotation from the first look to the deletion.
func TestRotationCompletesWithoutOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		start := l.ReadCredentials()
		first := l.Pass(rotate.Request{})
		if first.State != decide.StateOverlap || first.KeyID == l.OldKey.ID {
			t.Fatalf("after the first pass: %s, %s (%v)", first.State, first.Why, first.Err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
		l.CheckOtherBytes(start)
		if n := l.CountCalls("CreateAccessKey"); n != 1 {
			t.Errorf("CreateAccessKey was sent %d times", n)
		}
		if elapsed := time.Since(l.Shown[1].At); elapsed < 8*settings.Day {
			t.Errorf("the old key lived only %s after the swap", elapsed)
		}
	})
}

// TestOutageIsNoticed swaps before the key is proven, as other
// tools do, because the network answers every question as if it were 10 s later.
// If the lab did not notice that outage, the other tests would prove nothing.
func TestOutageIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.Rotator.HTTP = hastyCloud{lab.Watcher{Lab: l}}
		l.Rotator.SetProofRounds(1)
		l.Pass(rotate.Request{})
		time.Sleep(10 * time.Second)
		out := l.Cloud.Outage(l.Shown, time.Now())
		if out < 7*time.Second || out > 9*time.Second {
			t.Errorf("swap before proof: outage %s, want about 8s", out)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.Pass(rotate.Request{})
		if out := l.Cloud.Outage(l.Shown, time.Now()); out != 0 || l.ShownID() == l.OldKey.ID {
			t.Errorf("proof before swap: outage %s, file shows %s", out, l.ShownID())
		}
	})
}

// hastyCloud answers questions about keys as AWS will answer them in 10 s.
type hastyCloud struct{ lab.Watcher }

func (c hastyCloud) Do(r *http.Request) (*http.Response, error) {
	if readAction(r) == "CreateAccessKey" {
		return c.Watcher.Do(r)
	}
	defer c.Lab.RecordShown()
	return c.Lab.Cloud.Clone(func() time.Time { return time.Now().Add(10 * time.Second) }).Do(r)
}

// eightSeconds returns the lag of an IAM that needs 8 s to accept a new key, everywhere.
func eightSeconds() awssim.Lag {
	return awssim.Lag{Create: awssim.Range{Min: 8 * time.Second, Max: 8 * time.Second}, Replicas: 3}
}

func TestRetireNowCompletesInOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 3*settings.Day)
		start := l.ReadCredentials()
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}})
		if !lab.Settled(r) {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		l.CheckPromises()
		l.CheckOneKey()
		l.CheckOtherBytes(start)
	})
}
