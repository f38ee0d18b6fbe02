package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestDryRunsDoNotMakeAKeyLookUsed tries an unused key day by day, as keyd doctor, keyd
// install and keyd rotate --dry-run do. Its use is read before anything else is signed with
// it, and a later pass knows that only keyd used it.
func TestDryRunsDoNotMakeAKeyLookUsed(t *testing.T) {
	const rehearsal = "a rehearsal"
	for name, try := range map[string]func(*lab.Lab) ([]rotate.Result, error){
		rehearsal: func(l *lab.Lab) ([]rotate.Result, error) { return l.Rotator.Rehearse(l.T.Context()) },
		"a dry run": func(l *lab.Lab) ([]rotate.Result, error) {
			return l.Rotator.Pass(l.T.Context(), rotate.Request{Options: decide.Options{Manual: true}, DryRun: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{LastUsed: 7 * time.Minute}, 40*settings.Day)
				for range 3 {
					n := len(l.Cloud.Calls())
					results, err := try(l)
					if err != nil || len(results) != 1 || results[0].Err != nil {
						t.Fatalf("%+v, %v", results, err)
					}
					if first := l.Cloud.Calls()[n].Action; first != "GetAccessKeyLastUsed" {
						t.Errorf("the first call was %s", first)
					}
					for _, call := range []string{"GetAccessKeyLastUsed", "GetCallerIdentity", "ListAccessKeys", "UpdateAccessKey"} {
						if err, asked := results[0].Calls[call]; name == rehearsal && (!asked || err != nil) {
							t.Errorf("%s: asked %v, %v", call, asked, err)
						}
					}
					time.Sleep(25 * time.Hour)
				}
				time.Sleep(21 * settings.Day) // now it is due
				results, err := l.Rotator.Outlook(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				use := results[0].KeyUse
				if use == nil || use.Last == nil || !use.Last.At.IsZero() {
					t.Errorf("keyd takes its own calls for the calls of others: %+v", use)
				}
			})
		})
	}
}

// TestExaminationKeepsTheStatus leaves what the last pass said, and names what is denied.
func TestExaminationKeepsTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 10*settings.Day)
		l.Pass(rotate.Request{})
		before, err := state.LoadStatus(l.Rotator.StateDir)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		l.User.DenyAction("ListAccessKeys", awssim.SCP)
		results, err := l.Rotator.Rehearse(t.Context())
		if err != nil || len(results) != 1 {
			t.Fatal(results, err)
		}
		denied, ok := results[0].Calls["ListAccessKeys"].(*iam.Error)
		if _, asked := results[0].Calls["UpdateAccessKey"]; !ok || denied.Denial != iam.DenialSCP || asked {
			t.Errorf("%+v", results[0].Calls)
		}
		after, err := state.LoadStatusAndMemory(l.Rotator.StateDir)
		if err != nil || after.Keys[0].Why != before.Keys[0].Why || after.Keys[0].State != before.Keys[0].State || !after.Written.Equal(before.Written) {
			t.Errorf("%+v, %v", after.Keys[0], err)
		}
		if after.Keys[0].KeyUse == nil || time.Since(after.Keys[0].KeyUse.Signed) > time.Minute {
			t.Errorf("keyd forgot that it signed: %+v", after.Keys[0].KeyUse)
		}
	})
}

// TestSweepTouchesNothingYoung tells a file that a killed process has left from one that may
// be in use.
func TestSweepTouchesNothingYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, 10*settings.Day)
		l.WriteFile(".credentials.keyd-0123456789abcdef", "half")
		if found := l.Rotator.Leftovers(t.Context(), time.Minute); len(found) != 0 {
			t.Errorf("too early: %q", found)
		}
		time.Sleep(time.Hour)
		if found := l.Rotator.Leftovers(t.Context(), time.Minute); len(found) != 1 {
			t.Errorf("found %q", found)
		}
		lab.Must(t, l.Rotator.Sweep(t.Context()))
		if found := l.Rotator.Leftovers(t.Context(), 0); len(found) != 0 {
			t.Errorf("left %q", found)
		}
	})
}
