package rotate_test

import (
	"fmt"
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

// TestThirdKeyAfterALostAnswer is a person who helps herself while keyd does not
// know what came of its call: she puts a key from the console into the file.
// keyd asks her, and her word ends it.
func TestThirdKeyAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t, 10, true)
		third := v.foreignKeys()[0].ID
		v.Restart()
		v.Write("credentials", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", third, v.others[third]))
		if r := v.Pass(rotate.Request{}); r.Do != decide.DoBlock || r.Hint != "keyd resume default" {
			t.Errorf("%s: %s (%v), run %q", r.State, r.Why, r.Err, r.Hint)
		}
		if r, err := v.D.Resume(t.Context(), "default"); err != nil || r.Err != nil || r.State != decide.StateSkipped {
			t.Errorf("%s: %s (%v), %v", r.State, r.Why, r.Err, err)
		}
		if r := v.Pass(rotate.Request{}); r.State != decide.StateOK || r.Rotation != nil || r.KeyID != third {
			t.Errorf("%s: %s (%v) %+v", r.State, r.Why, r.Err, r.Rotation)
		}
		if rotations, errs := v.D.JournalDir().Load(t.Context()); len(rotations)+len(errs) > 0 {
			t.Errorf("the journal is left: %+v %v", rotations, errs)
		}
	})
}
