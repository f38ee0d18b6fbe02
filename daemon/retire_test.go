package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestRetiringRestsOnALookOfItsOwn: when no time passes by the clock between
// the look before the deactivation and the deactivation, or the clock is set
// back, the look must not be taken for one that came after.
func TestRetiringRestsOnALookOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		r := l.pass(Request{Ask: Ask{Person: true, RetireNow: true}})
		if !settled(r) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.safe()
		l.oneKey()
	})
}

// TestAClockThatIsSetBack between the steps of a rotation holds it up for no
// longer than a look.
func TestAClockThatIsSetBack(t *testing.T) {
	for _, back := range []time.Duration{time.Second, 20 * time.Second, 4 * time.Minute} {
		t.Run(back.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.pass(Request{Ask: Ask{Person: true}})
				l.restart()
				l.d.Now = func() time.Time { return time.Now().Add(-back) }
				l.d.awake = time.Now() // as the daemon that began before the clock was set
				r := l.pass(Request{Ask: Ask{Person: true, RetireNow: true}})
				if !settled(r) {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				l.safe()
				l.oneKey()
			})
		})
	}
}

// TestAListThatLagsIsNoPerson: after the deactivation one list can show the old
// key Inactive and the next one Active again, although nobody touched it.
func TestAListThatLagsIsNoPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		for n := range 20 {
			if r := l.pass(Request{Ask: Ask{Person: true, Force: true, RetireNow: true}}); !settled(r) {
				t.Fatalf("rotation %d: %s: %s", n, r.State, r.Why)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestHoldThatComesTooLate: the old key is gone already, by the daemon or in the
// console. There is nothing to hold, and the rotation ends.
func TestHoldThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(20*day, func(r Result) bool { return r.State == Quarantine })
		if err := l.user.DeleteKey(l.old.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := l.d.Hold(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(l.said, "\n"); !strings.Contains(said, "nothing left to hold") {
			t.Errorf("the person is not told: %s", said)
		}
		l.live(8*day, settled)
		l.oneKey()
	})
}
