package rotate_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

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
