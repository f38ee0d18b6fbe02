package rotate_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestOrphanThatSomebodyWants is a key that keyd took for its own, from an
// answer that was lost, and made Inactive. A person makes it Active again during
// its quarantine: it is hers, and she is asked.
func TestOrphanThatSomebodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t, 9, false) // killed when the intent was on disk, before the call
		time.Sleep(10 * time.Second)
		id, _ := v.User.CreateKey()
		v.Restart()
		r := v.Pass(rotate.Request{})
		if r.State != decide.StateQuarantine || r.Rotation.OrphanID != id {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		if err := v.User.SetStatus(id, "Active"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * settings.Day)
		r = v.Pass(rotate.Request{})
		wanted := func(k awssim.KeyState) bool { return k.ID == id && k.Status == "Active" }
		if !slices.ContainsFunc(v.Cloud.Keys(v.User), wanted) || r.Do != decide.DoBlock || r.Hint == "" {
			t.Errorf("%s: %s (%v), keys %+v", r.State, r.Why, r.Err, v.Cloud.Keys(v.User))
		}
	})
}
