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

// TestOrphanThatSomebodyWants asks a person who has made an orphan Active
// again during its quarantine. keyd took the key for the effect of a call
// whose answer was lost, and made it Inactive. Now the key is the person's,
// and keyd does not delete it.
func TestOrphanThatSomebodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictimWhen(t, false, callUnknown)
		time.Sleep(10 * time.Second)
		id, _ := v.User.CreateKey()
		v.Restart()
		r := v.RunUntil(6*time.Hour, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		if r.Rotation.OrphanID != id {
			t.Fatalf("%s: %s (%v), want the orphan in quarantine", r.State, r.Why, r.Err)
		}
		if err := v.User.SetStatus(id, "Active"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * settings.Day)
		r = v.Pass(rotate.Request{})
		wanted := func(k awssim.KeyState) bool { return k.ID == id && k.Status == "Active" }
		if !slices.ContainsFunc(v.Cloud.Keys(v.User), wanted) || r.Do != decide.DoBlock || r.Hint == "" {
			t.Errorf("state %s: %s (%v), keys %+v, want a block with a hint and an active key", r.State, r.Why, r.Err, v.Cloud.Keys(v.User))
		}
	})
}

// TestThirdKeyAfterALostAnswer asks a person who has put a key from the
// console into the file, while keyd did not know what its call had done. keyd
// resume then ends the rotation.
func TestThirdKeyAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictimWhen(t, true, callUnknown)
		third := v.foreignKeys()[0].ID
		v.Restart()
		v.WriteFile("credentials", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", third, v.others[third]))
		if r := v.Pass(rotate.Request{}); r.Do != decide.DoBlock || r.Hint != "keyd resume default" {
			t.Errorf("state %s: %s (%v), hint %q, want a block", r.State, r.Why, r.Err, r.Hint)
		}
		if r, err := v.Rotator.Resume(t.Context(), "default"); err != nil || r.Err != nil || r.State != decide.StateSkipped {
			t.Errorf("resume: %s: %s (%v), %v", r.State, r.Why, r.Err, err)
		}
		if r := v.Pass(rotate.Request{}); r.State != decide.StateOK || r.Rotation != nil || r.KeyID != third {
			t.Errorf("after resume: %s: %s (%v) %+v", r.State, r.Why, r.Err, r.Rotation)
		}
		if rotations, errs := v.Rotator.JournalDir().Load(t.Context()); len(rotations)+len(errs) > 0 {
			t.Errorf("the journal was not erased: %+v %v", rotations, errs)
		}
	})
}
