package daemon

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestOrphanThatSomebodyWants is a key that keyd took for its own, from an
// answer that was lost, and made Inactive. A person makes it Active again during
// its quarantine: it is hers, and she is asked.
func TestOrphanThatSomebodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t, 9, false) // killed when the intent was on disk, before the call
		time.Sleep(10 * time.Second)
		id, _ := v.user.CreateKey()
		v.restart()
		r := v.pass(Request{})
		if r.State != StateQuarantine || r.Rotation.OrphanID != id {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		if err := v.user.SetStatus(id, "Active"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * day)
		r = v.pass(Request{})
		wanted := func(k awssim.KeyState) bool { return k.ID == id && k.Status == "Active" }
		if !slices.ContainsFunc(v.cloud.Keys(v.user), wanted) || r.Do != DoBlock || r.Hint == "" {
			t.Errorf("%s: %s (%v), keys %+v", r.State, r.Why, r.Err, v.cloud.Keys(v.user))
		}
	})
}
