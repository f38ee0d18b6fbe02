package decide

import (
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestRecoveryWaitsOnlyForItsOwnFailure: lists which failures delay each step
// that repairs something.
func TestRecoveryWaitsOnlyForItsOwnFailure(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	rotation := func(edit func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: "AKIAOLDOLDOLDOLDOLD1"}, New: credfile.Key{ID: "AKIANEWNEWNEWNEWNEW2"}, Places: []journal.Place{{Profile: "default"}},
			Created: now, Swapped: now, Validated: now, DeactivateStarted: now, Deactivated: now, Described: true}
		edit(r)
		return r
	}
	none := func(*journal.Rotation) {}
	cases := map[string]struct {
		rotation func(*journal.Rotation)
		shows    Placement
		proven   bool
		do       Do
		with     Do // another step whose failure delays it
	}{
		"half of each pair":           {none, Placement{Old: 1, Torn: 1}, false, DoMend, ""},
		"the old pair is back":        {none, Placement{Old: 1}, false, DoProve, DoSwap},
		"the old pair is back, proven": {none, Placement{Old: 1}, true, DoSwap, ""},
		"mended":                      {func(r *journal.Rotation) { r.MendStarted = now }, Placement{New: 1}, false, DoValidate, ""},
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
				if d := Next(f, settings.Default(), now); d.Do != want {
					t.Errorf("after %s failed: %s (%s), want %s", failed, d.Do, d.Why, want)
				}
			}
		})
	}
}
