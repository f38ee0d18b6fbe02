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
				l.user.DenyAction(action, awssim.NotAllowed)
				l.live(limit, func(r Result) bool { return r.Do == DoBlock })
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
			Created: now, Swapped: now, Validated: now, DeactivateStarted: now, Deactivated: now, Described: true}
		edit(r)
		return r
	}
	none := func(*Rotation) {}
	cases := map[string]struct {
		rotation func(*Rotation)
		shows    Placement
		proven   bool
		do       Do
		with     Do // another failure that holds it back
	}{
		"half of each pair":           {none, Placement{Old: 1, Torn: 1}, false, DoMend, ""},
		"the old pair is back":        {none, Placement{Old: 1}, false, DoProve, DoSwap},
		"the old pair is back, asked": {none, Placement{Old: 1}, true, DoSwap, ""},
		"mended":                      {func(r *Rotation) { r.MendStarted = now }, Placement{New: 1}, false, DoValidate, ""},
		"the new key failed":          {failed, Placement{New: 1}, false, DoPutBack, ""},
		"held":                        {held, Placement{New: 1}, false, DoRevive, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, failed := range []Do{DoLook, DoProve, DoMend, DoSwap, DoValidate, DoPutBack, DoDescribe, DoCheckUse, DoDeactivate, DoRevive, DoDelete} {
				f := Facts{ID: "AKIAOLDOLDOLDOLDOLD1", Profiles: []string{"default"}, Rotation: rotation(c.rotation), Placement: c.shows, Proven: c.proven,
					Failure: &Failure{Do: failed, At: now, Count: 1, Why: "AccessDenied", NeedsPerson: true}}
				want := c.do
				if failed == c.do || failed == c.with {
					want = DoBlock
				}
				if d := Next(f, Default(), now); d.Do != want {
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
	for _, do := range []Do{DoMend, DoProve} {
		found := &target{facts: Facts{Failure: &Failure{Do: DoLook, At: now, Count: 3, Offline: true, Why: "no such host"}}}
		away := outage{passBegan: now.Add(-time.Second)}
		away.noteTarget(found)
		u := &target{}
		away.shareFailure(u, do, now)
		got := cmp.Or(u.facts.Failure, &Failure{})
		if do == DoMend && got.Count != 0 || do != DoMend && (got.Do != do || got.Count != 1) {
			t.Errorf("%s: %+v", do, got)
		}
	}
}
