package daemon

import (
	"cmp"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
)

// TestMendingDoesNotWaitForAnotherTrouble: the old key cannot be deleted, or AWS
// cannot be asked for its last use, and that is tried again tomorrow. The file that
// shows it again is mended now.
func TestMendingDoesNotWaitForAnotherTrouble(t *testing.T) {
	for action, limit := range map[string]time.Duration{"DeleteAccessKey": 12 * day, "UpdateAccessKey": 3 * day} {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				backup := l.text()
				l.pass(Request{})
				want := l.text()
				l.user.Deny(action, awssim.NotAllowed)
				l.live(limit, func(r Result) bool { return r.Do == Blocked })
				l.write("credentials", backup)
				calls := len(l.cloud.Calls())
				r := l.pass(Request{})
				if l.text() != want {
					t.Errorf("not mended: %s: %s", r.State, r.Why)
				}
				for range 10 {
					time.Sleep(15 * time.Minute)
					l.pass(Request{})
				}
				if n := len(l.cloud.Calls()) - calls; n > 10 {
					t.Errorf("%d calls for one mending", n)
				}
				if out := l.cloud.Outage(l.held, time.Now()); out > time.Minute {
					t.Errorf("the file showed a dead key for %s", out)
				}
			})
		})
	}
}

// TestWhatPutsRightWaitsForItsOwnTroubleOnly: the table of what holds back what.
func TestWhatPutsRightWaitsForItsOwnTroubleOnly(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	rotation := func(edit func(*Rotation)) *Rotation {
		r := &Rotation{Old: credfile.Key{ID: "AKIAOLDOLDOLDOLDOLD1"}, New: credfile.Key{ID: "AKIANEWNEWNEWNEWNEW2"}, Places: []Place{{Profile: "default"}},
			Created: now, Swapped: now, Validated: now, Deactivating: now, Deactivated: now, Described: true}
		edit(r)
		return r
	}
	none := func(*Rotation) {}
	cases := map[string]struct {
		rotation func(*Rotation)
		shows    Shows
		proven   bool
		do       Do
		with     Do // another failure that holds it back
	}{
		"half of each pair":           {none, Shows{Old: 1, Torn: 1}, false, Mend, ""},
		"the old pair is back":        {none, Shows{Old: 1}, false, Prove, Swap},
		"the old pair is back, asked": {none, Shows{Old: 1}, true, Swap, ""},
		"mended":                      {func(r *Rotation) { r.Mending = now }, Shows{New: 1}, false, Validate, ""},
		"the new key failed":          {failed, Shows{New: 1}, false, PutBack, ""},
		"held":                        {held, Shows{New: 1}, false, Revive, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, failed := range []Do{Look, Prove, Mend, Swap, Validate, PutBack, Describe, CheckUse, Deactivate, Revive, Delete} {
				f := Facts{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"default"}, Rotation: rotation(c.rotation), Shows: c.shows, Proven: c.proven,
					Trouble: &Trouble{Do: failed, At: now, Count: 1, Why: "AccessDenied", Definite: true}}
				want := c.do
				if failed == c.do || failed == c.with {
					want = Blocked
				}
				if d := Next(f, DefaultSettings(), now); d.Do != want {
					t.Errorf("after %s failed: %s (%s), want %s", failed, d.Do, d.Why, want)
				}
			}
		})
	}
}

// TestAbsentNetworkDoesNotHoldBackWhatNeedsNone: one key has found the network
// away. A torn pair of another one is made whole all the same, and what does need
// AWS does not wait for a timeout of its own.
func TestAbsentNetworkDoesNotHoldBackWhatNeedsNone(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, do := range []Do{Mend, Prove} {
		found := &unit{facts: Facts{Trouble: &Trouble{Do: Look, At: now, Count: 3, Offline: true, Why: "no such host"}}}
		away := absence{began: now.Add(-time.Second)}
		away.note(found)
		u := &unit{}
		away.share(u, do, now)
		got := cmp.Or(u.facts.Trouble, &Trouble{})
		if do == Mend && got.Count != 0 || do != Mend && (got.Do != do || got.Count != 1) {
			t.Errorf("%s: %+v", do, got)
		}
	}
}
