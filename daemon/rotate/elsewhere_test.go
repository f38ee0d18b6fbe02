package rotate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestRotationOfAnotherFileIsLeftAlone: a rotation of another file is not over
// because this process's files show none of its keys. Neither a pass, nor a command,
// nor giving the rotation up removes a key then.
func TestRotationOfAnotherFileIsLeftAlone(t *testing.T) {
	for name, givenUp := range map[string]bool{"in its quarantine": false, "being given up": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.Pass(rotate.Request{})
				if givenUp {
					r := loadRotation(t, l.Rotator)
					r.GiveUpReason, r.Validated, r.Old.Secret = "AWS refuses the pair that is on disk", time.Time{}, l.OldKey.Secret // as the step validate leaves the journal
					if err := l.Rotator.JournalDir().Save(r); err != nil {
						t.Fatal(err)
					}
				} else {
					l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				}
				l.UseOtherFile()
				told := false
				for _, r := range l.PassAll(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}) {
					told = told || r.NeedsPerson && strings.Contains(r.Why, filepath.Join(l.Home, "credentials"))
				}
				gone, err := l.Rotator.RotationToGiveUp(t.Context(), "default")
				if gone != nil || err != nil || !told {
					t.Errorf("the person is needed: %t; keyd resume would give up %v, %v", told, gone, err)
				}
				_, err = l.Rotator.Resume(t.Context(), "default")
				if _, ok := errors.AsType[*rotate.ElsewhereError](err); !ok {
					t.Error(err)
				}
				l.Restart()
				time.Sleep(time.Hour)
				l.CheckPromises()
				l.RunUntil(40*settings.Day, lab.Settled)
				l.CheckOneKey()
			})
		})
	}
}

// TestKeyInAnotherFileIsKept: the default file, or a file that another process
// of this user reads, shows the same key. This process cannot write the successor
// there, so it keeps the key. A rotation that has already swapped waits with both keys
// usable.
func TestKeyInAnotherFileIsKept(t *testing.T) {
	for name, also := range map[string]bool{"the usual file": true, "a file that was read before": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 30*settings.Day)
				if !also {
					l.Pass(rotate.Request{}) // remembers the file
				}
				usual := l.Rotator.Store.Paths.Credentials
				l.WriteFile("elsewhere", l.ReadCredentials())
				l.Rotator.Store.Paths.Credentials = filepath.Join(l.Home, "elsewhere")
				if also {
					l.Rotator.OtherFiles = []string{usual}
				}
				r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}})
				if !r.NeedsPerson || !strings.Contains(r.Why, usual) || l.CountCalls("CreateAccessKey") > 0 {
					t.Fatalf("%s: %s", r.State, r.Why)
				}
				l.WriteFile("credentials", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
				l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOK && l.CountCalls("CreateAccessKey") == 0 })
				l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true}})
				l.WriteFile("credentials", l.ReadCredentials()+"[copy]\naws_access_key_id = "+l.OldKey.ID+"\naws_secret_access_key = x\n")
				l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson && strings.Contains(r.Why, usual) })
				if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" {
					t.Errorf("AWS has %v", keys)
				}
			})
		})
	}
}

// TestKnownFileOnMissingDiskIsRemembered: keyd remembers the key in a file on a
// stick while the stick is not mounted.
func TestKnownFileOnMissingDiskIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.RealLag(), 30*settings.Day)
		stick := filepath.Join(l.Home, "stick")
		usual := l.Rotator.Store.Paths.Credentials
		if err := os.Mkdir(stick, 0o700); err != nil {
			t.Fatal(err)
		}
		l.WriteFile("stick/credentials", l.ReadCredentials())
		l.Rotator.Store.Paths.Credentials = filepath.Join(stick, "credentials")
		l.Pass(rotate.Request{}) // in a shell whose variable names the file
		l.Rotator.Store.Paths.Credentials = usual
		for _, move := range [][2]string{{stick, stick + "-away"}, {stick + "-away", stick}} {
			if err := os.Rename(move[0], move[1]); err != nil {
				t.Fatal(err)
			}
			l.Pass(rotate.Request{})
		}
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true}})
		if !r.NeedsPerson || !strings.Contains(r.Why, stick) || l.CountCalls("CreateAccessKey") > 0 {
			t.Errorf("%s: %s", r.State, r.Why)
		}
	})
}

// TestMissingDiskIsReported: a missing file does not mean that someone has
// removed the key from it. The person learns that before giving the rotation up.
func TestMissingDiskIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.WriteFile("config", "[profile other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
		if err := os.Rename(filepath.Join(l.Home, "credentials"), filepath.Join(l.Home, "away")); err != nil {
			t.Fatal(err)
		}
		l.Rotator.HTTP = l.Cloud // the lab's own client reads the file
		r := l.PassAll(rotate.Request{})[0]
		if !r.NeedsPerson || !strings.Contains(r.Why, "credentials is not there") || !strings.Contains(r.Hint, "mount its disk") {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
		if rotation, err := l.Rotator.RotationToGiveUp(t.Context(), "default"); err != nil || rotation == nil || l.Rotator.MissingFile(rotation) == "" {
			t.Errorf("%v, %v", rotation, err)
		}
		if err := os.Rename(filepath.Join(l.Home, "away"), filepath.Join(l.Home, "credentials")); err != nil {
			t.Fatal(err)
		}
		l.Restart()
		l.RunUntil(30*settings.Day, lab.Settled)
		l.CheckOneKey()
	})
}

// TestSecondKeyInKnownFileIsNotPruned: keyd does not offer to prune a key that another
// known file shows, and keyd install does not promise a rotation that will not happen.
func TestSecondKeyInKnownFileIsNotPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		id, secret := l.User.AddInactiveKey(300 * settings.Day)
		l.WriteFile("usual", fmt.Sprintf("[usual]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
		l.Rotator.OtherFiles, l.Rotator.Settings.PruneInactiveAfter = []string{filepath.Join(l.Home, "usual")}, settings.Day
		l.Pass(rotate.Request{})
		time.Sleep(time.Minute)
		if r := l.Pass(rotate.Request{}); !strings.Contains(r.Why, "usual in "+l.Home) || l.CountCalls("DeleteAccessKey") > 0 {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		if p, err := l.Rotator.FindSecondKey(t.Context(), "default", ""); err == nil {
			t.Errorf("offered: %+v", p)
		}
		l.WriteFile("usual", l.ReadCredentials())
		if all, err := l.Rotator.Rehearse(t.Context()); err != nil || all[0].Ready {
			t.Errorf("%v, %v", all[0].Why, err)
		}
	})
}

// TestHoldChoosesRotationOfThisFile: the same profile name is in two files, and the
// keys of both are being rotated.
func TestHoldChoosesRotationOfThisFile(t *testing.T) {
	for _, first := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
			l.Pass(rotate.Request{})
			id, secret := "", ""
			for n := 0; id == "" || (id < l.OldKey.ID) != first; n++ {
				id, secret = l.Cloud.AddUser(lab.Account, "/", fmt.Sprint("bob", n)).AddKey(70 * settings.Day)
			}
			l.WriteFile("elsewhere", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
			l.Rotator.Store.Paths.Credentials = filepath.Join(l.Home, "elsewhere")
			l.PassAll(rotate.Request{})
			if r, err := l.Rotator.Hold(t.Context(), "default"); err != nil || r.State != decide.StateHeld || r.Rotation.Old.ID != id {
				t.Errorf("%s: %s, %v", r.State, r.Why, err)
			}
		})
	}
}

// TestUnreadablePlaceKeepsItsKey: a place that AWS tools read differently still
// shows its key to some of them. No key of the rotation is removed while the place
// exists, and the message names its line.
func TestUnreadablePlaceKeepsItsKey(t *testing.T) {
	for _, test := range []struct {
		name    string
		state   decide.State
		mistake func(text, old, id string) string
	}{
		{"the new id twice in its only place", decide.StateQuarantine, func(text, _, id string) string {
			return strings.Replace(text[:strings.Index(text, "[work]")], "[default]", "[default]\naws_access_key_id = "+id, 1)
		}},
		{"a section again, with the old pair", decide.StateOverlap, func(text, old, _ string) string {
			return text + "\n[work]\n" + old
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == test.state })
				l.RecordShown()
				whole, before := l.ReadCredentials(), len(l.Cloud.Keys(l.User))
				old := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", l.OldKey.ID, l.OldKey.Secret.Reveal())
				l.WriteFile("credentials", test.mistake(whole, old, l.ShownID()))
				for range 30 {
					r := l.PassAll(rotate.Request{})[0]
					if !r.NeedsPerson || !strings.Contains(r.Why, "credentials:") || strings.Contains(r.Hint, "keyd") {
						t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
					}
					time.Sleep(12 * time.Hour)
				}
				if _, err := l.Rotator.Resume(t.Context(), "default"); err == nil || len(l.Cloud.Keys(l.User)) != before {
					t.Errorf("resume: %v, and %d keys are left", err, len(l.Cloud.Keys(l.User)))
				}
				l.WriteFile("credentials", whole)
				l.RunUntil(40*settings.Day, lab.Settled)
				l.CheckOneKey()
			})
		})
	}
}

// TestSecondKeyInUseIsNotPruned: the user's other key takes the slot of a
// successor, and another profile uses it. keyd neither prunes it nor offers to.
func TestSecondKeyInUseIsNotPruned(t *testing.T) {
	for name, add := range map[string]func(*awssim.User, time.Duration) (id, secret string){
		"active": (*awssim.User).AddKey, "inactive": (*awssim.User).AddInactiveKey,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				id, secret := add(l.User, 300*settings.Day)
				l.WriteFile("credentials", l.ReadCredentials()+fmt.Sprintf("[second]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
				l.Rotator.Settings.PruneInactiveAfter = 30 * settings.Day
				l.Pass(rotate.Request{})
				time.Sleep(time.Minute)
				r := l.Pass(rotate.Request{})
				if len(l.Cloud.Keys(l.User)) != 2 || !r.NeedsPerson || !strings.Contains(r.Why, "second uses") || strings.HasPrefix(r.Hint, "keyd prune") {
					t.Errorf("%d keys, %s: %s; %s", len(l.Cloud.Keys(l.User)), r.State, r.Why, r.Hint)
				}
			})
		})
	}
}

// TestDuplicateIDHidesNoKey: a place that shows the same id in a form that keyd
// cannot rotate hides neither the key nor what keyd remembers about it.
func TestDuplicateIDHidesNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 200*settings.Day)
		pair := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = x\n", l.OldKey.ID, l.OldKey.Secret.Reveal())
		l.WriteFile("credentials", "[old]\n"+pair+l.ReadCredentials()+"[older]\n"+pair)
		for n := range 5 {
			results := l.PassAll(rotate.Request{})
			r := results[1]
			if r.Profiles[0] != "default" || !r.NeedsPerson || !strings.Contains(r.Why, "credentials:4") || r.Failure == nil || r.Failure.Count != n+1 {
				t.Fatalf("pass %d: %v %s: %s (%+v)", n, r.Profiles, r.State, r.Why, r.Failure)
			}
			time.Sleep(2 * settings.Day)
		}
	})
}
