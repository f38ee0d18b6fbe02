package rotate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

func TestHoldRevivesAndResumeContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		if _, err := l.Rotator.Hold(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !l.Cloud.IsUsable(l.OldKey.ID, l.OldKey.Secret.Reveal()) {
			t.Error("the old key is still not usable")
		}
		r := l.RunUntil(0, func(r rotate.Result) bool { return r.State == decide.StateHeld })
		if !r.Until.IsZero() {
			t.Error("a hold ends by itself")
		}
		if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestHoldRevivesOnce: the lists show the old key Inactive for a while after a hold has revived
// it, and nobody else has made it so.
func TestHoldRevivesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{List: awssim.Range{Min: 10 * time.Second, Max: 10 * time.Second}}, 70*settings.Day)
		if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.State != decide.StateQuarantine {
			t.Fatal(r.State, r.Why)
		}
		r, err := l.Rotator.Hold(t.Context(), "default")
		if n := strings.Count(strings.Join(l.Events, "\n"), rotate.VerbRevived); err != nil || n != 1 || !strings.Contains(r.Why, "stays usable") {
			t.Errorf("revived %d times: %s, %v", n, r.Why, err)
		}
		l.CheckPromises()
	})
}

// TestResumeReadsLastUseAgain: a person holds a rotation because a program still
// uses the old key. The last use that keyd read before the hold must not lead to a
// deactivation after it.
func TestResumeReadsLastUseAgain(t *testing.T) {
	for _, used := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
			l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
			if _, err := l.Rotator.Hold(t.Context(), "default"); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				time.Sleep(settings.Day)
				if used {
					lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
				}
			}
			time.Sleep(time.Hour)
			r, err := l.Rotator.Resume(t.Context(), "default")
			if err != nil || used == (r.State == decide.StateQuarantine) || used != strings.Contains(r.Why, "still used") {
				t.Errorf("used %v: %s: %s (%v)", used, r.State, r.Why, err)
			}
			l.RecordShown()
			l.CheckPromises()
		})
	}
}

// TestHoldKeepsOrphan: the key of a lost answer is not deleted while a person holds
// the rotation, and is deleted after the person has resumed it.
func TestHoldKeepsOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orphanLab(t)
		r, err := l.Rotator.Hold(t.Context(), "default")
		if err != nil || r.State != decide.StateHeld || !strings.Contains(r.Why, "is not deleted; to continue: keyd resume default") {
			t.Errorf("%s: %s (%v)", r.State, r.Why, err)
		}
		for range 10 {
			time.Sleep(settings.Day)
			l.Pass(rotate.Request{})
		}
		if r, n := l.Pass(rotate.Request{}), l.CountCalls("DeleteAccessKey"); n > 0 || r.State != decide.StateHeld {
			t.Errorf("%s: %s; deleted %d times", r.State, r.Why, n)
		}
		if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestHoldBeforeReconcileStartsNoRotation holds a rotation whose CreateAccessKey was not
// answered. keyd begins no other rotation, even if the call had no effect and the key is
// still due.
func TestHoldBeforeReconcileStartsNoRotation(t *testing.T) {
	for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: when, Times: 1})
				l.Pass(rotate.Request{})
				r, err := l.Rotator.Hold(t.Context(), "default")
				if err != nil || r.State != decide.StateHeld || l.CountCalls("CreateAccessKey") != 1 {
					t.Errorf("%s: %s (%v); sent %d times", r.State, r.Why, err, l.CountCalls("CreateAccessKey"))
				}
				time.Sleep(3 * settings.Day)
				l.Pass(rotate.Request{})
				if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil || l.CountCalls("CreateAccessKey") > 2 {
					t.Errorf("%v; sent %d times", err, l.CountCalls("CreateAccessKey"))
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestHoldWithUnreadablePlaceRevivesOldKey: a hold makes the old key Active again
// even if keyd can read none of the places that show the new one.
func TestHoldWithUnreadablePlaceRevivesOldKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.RecordShown()
		whole := l.ReadCredentials()
		l.WriteFile("credentials", strings.Replace(whole[:strings.Index(whole, "[work]")], "[default]", "[default]\naws_access_key_id = "+l.ShownID(), 1))
		l.Rotator.OnEvent = nil // the lab's callback reads the file
		r, err := l.Rotator.Hold(t.Context(), "default")
		if keys := l.Cloud.Keys(l.User); err != nil || len(keys) != 2 || keys[0].Status != "Active" || !strings.Contains(r.Why, "credentials:") {
			t.Errorf("%s: %s, %v; %v", r.State, r.Why, err, keys)
		}
	})
}

// TestHoldSignsWithNewKey: a hold signs with the new key, even if the old text is back in
// the file and the user has another name.
func TestHoldSignsWithNewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		time.Sleep(time.Hour)
		l.User.Rename("/", "alicia")
		l.WriteFile("credentials", start)
		from := len(l.Cloud.Calls())
		if r, err := l.Rotator.Hold(t.Context(), "default"); err != nil || r.State != decide.StateHeld {
			t.Errorf("%s: %s, %v", r.State, r.Why, err)
		}
		for _, call := range l.Cloud.Calls()[from:] {
			if call.KeyID == l.OldKey.ID {
				t.Errorf("%s was signed with the old key", call.Action)
			}
		}
		if keys := l.Cloud.Keys(l.User); keys[0].Status != "Active" {
			t.Errorf("the old key is %s", keys[0].Status)
		}
	})
}

// TestHoldWorksForRenamedUser: AWS does not know the user by the old name, and keyd
// must not conclude that the old key is gone.
func TestHoldWorksForRenamedUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.AllowAll()
		l.User.Rename("/", "alicia")
		r, err := l.Rotator.Hold(t.Context(), "default")
		if err != nil || r.State != decide.StateHeld || r.Rotation.Deactivated != (time.Time{}) {
			t.Errorf("%s: %s (%v)", r.State, r.Why, err)
		}
	})
}

// TestLateHoldEndsRotation: the daemon, or someone in the console, has already deleted
// the old key. There is nothing to hold, and the rotation ends.
func TestLateHoldEndsRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		if err := l.User.DeleteKey(l.OldKey.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := l.Rotator.Hold(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(l.Events, "\n"); !strings.Contains(said, "nothing left to hold") {
			t.Errorf("no event says so: %s", said)
		}
		l.RunUntil(8*settings.Day, lab.Settled)
		l.CheckOneKey()
	})
}

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
