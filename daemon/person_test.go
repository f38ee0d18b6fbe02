package daemon

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestHoldLeavesTheOtherLines of the status, of which one may have the very
// profiles of the rotation: someone has put a third key into them.
func TestHoldLeavesTheOtherLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.pass(Request{Options: Options{Manual: true}})
		third, secret := l.cloud.AddUser(account, "/", "bob").AddKey(day)
		pair := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", third, secret)
		l.write("credentials", "[default]\n"+pair+"[work]\n"+pair)
		before := l.lines()
		if len(before) != 2 || before[third].State != StateOK || !before[l.old.ID].NeedsPerson || !before[l.old.ID].InRotation {
			t.Fatalf("%+v", before)
		}
		if _, err := l.d.Hold(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		after, _ := LoadStatus(l.d.StateDir)
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

// lines does a pass and returns the lines of the status, by key.
func (l *lab) lines() map[string]KeyStatus {
	l.t.Helper()
	time.Sleep(time.Minute)
	if _, err := l.d.Pass(l.t.Context(), Request{}); err != nil {
		l.t.Fatal(err)
	}
	status, err := LoadStatus(l.d.StateDir)
	if err != nil {
		l.t.Fatal(err)
	}
	status.PID = 0 // of another process, as far as a test can tell
	if err := status.Save(l.sys, l.d.StateDir); err != nil {
		l.t.Fatal(err)
	}
	all := map[string]KeyStatus{}
	for _, line := range status.Keys {
		all[line.KeyID] = line
	}
	return all
}
