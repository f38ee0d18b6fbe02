package rotate_test

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestHoldKeepsOtherStatusLines checks that a hold changes no other line of the status,
// even one with the same profiles: someone has put a third key into them.
func TestHoldKeepsOtherStatusLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
		third, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(settings.Day)
		pair := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", third, secret)
		l.WriteFile("credentials", "[default]\n"+pair+"[work]\n"+pair)
		before := l.StatusLines()
		if len(before) != 2 || before[third].State != decide.StateOK || !before[l.OldKey.ID].NeedsPerson || !before[l.OldKey.ID].InRotation {
			t.Fatalf("%+v", before)
		}
		if _, err := l.Rotator.Hold(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		after, _ := state.LoadStatus(l.Rotator.StateDir)
		for _, line := range after.Keys {
			if was := before[line.KeyID]; was.State != line.State || was.InRotation != line.InRotation || len(after.Keys) != 2 {
				t.Errorf("%+v, was %+v", line, was)
			}
		}
		if after.Process != "test" || after.PID != os.Getpid() {
			t.Errorf("the status is of %s, pid %d", after.Process, after.PID)
		}
	})
}
