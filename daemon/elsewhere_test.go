package daemon

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
)

// elsewhere is keyd in a shell whose AWS_SHARED_CREDENTIALS_FILE names another
// file, with the key of another person.
func (l *lab) elsewhere() {
	id, secret := l.cloud.AddUser(account, "/", "bob").AddKey(day)
	l.write("elsewhere", fmt.Sprintf("[personal]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
	l.d.Store.Paths.Credentials = filepath.Join(l.home, "elsewhere")
}

// TestRotationInAnotherFile: that the files of this process show nothing of a
// rotation says nothing when it is about another file. Neither a pass, nor a
// person, nor a rotation that is being given up takes a key away then.
func TestRotationInAnotherFile(t *testing.T) {
	for name, givenUp := range map[string]bool{"in its quarantine": false, "being given up": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.pass(Request{})
				if givenUp {
					r := journalled(t, l.d)
					r.GiveUpReason, r.Validated, r.Old.Secret = "AWS refuses the pair that is on disk", time.Time{}, l.old.Secret // as validate leaves it
					if err := l.d.journalDir().Save(r); err != nil {
						t.Fatal(err)
					}
				} else {
					l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
				}
				l.elsewhere()
				told := false
				for _, r := range l.passes(Request{Options: Options{Manual: true, RetireNow: true}}) {
					told = told || r.NeedsPerson && strings.Contains(r.Why, filepath.Join(l.home, "credentials"))
				}
				gone, err := l.d.RotationToGiveUp(t.Context(), "default")
				if gone != nil || err != nil || !told {
					t.Errorf("a person was told: %t; to resume is to give up %v, %v", told, gone, err)
				}
				_, err = l.d.Resume(t.Context(), "default")
				if _, ok := errors.AsType[*ElsewhereError](err); !ok {
					t.Error(err)
				}
				l.restart()
				time.Sleep(time.Hour)
				l.safe()
				l.live(40*day, settled)
				l.oneKey()
			})
		})
	}
}

// TestKeyThatStandsElsewhereToo: a file that another process of this user reads, or
// that is the usual one, shows the same key. Nobody here can write its successor
// there, so the key stays; what was swapped already waits with both keys usable.
func TestKeyThatStandsElsewhereToo(t *testing.T) {
	for name, also := range map[string]bool{"the usual file": true, "a file that was read before": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 30*day)
				if !also {
					l.pass(Request{}) // by which it is known
				}
				usual := l.d.Store.Paths.Credentials
				l.write("elsewhere", l.text())
				l.d.Store.Paths.Credentials = filepath.Join(l.home, "elsewhere")
				if also {
					l.d.OtherFiles = []string{usual}
				}
				r := l.pass(Request{Options: Options{Manual: true, Force: true, RetireNow: true}})
				if !r.NeedsPerson || !strings.Contains(r.Why, usual) || l.count("CreateAccessKey") > 0 {
					t.Fatalf("%s: %s", r.State, r.Why)
				}
				l.write("credentials", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
				l.live(time.Hour, func(r Result) bool { return r.State == StateOK && l.count("CreateAccessKey") == 0 })
				l.pass(Request{Options: Options{Manual: true, Force: true}})
				l.write("credentials", l.text()+"[copy]\naws_access_key_id = "+l.old.ID+"\naws_secret_access_key = x\n")
				l.live(30*day, func(r Result) bool { return r.NeedsPerson && strings.Contains(r.Why, usual) })
				if keys := l.cloud.Keys(l.user); len(keys) != 2 || keys[0].Status != "Active" {
					t.Errorf("AWS has %v", keys)
				}
			})
		})
	}
}

// TestKnownFileOnADiskThatIsAway: what is on a stick is remembered while it is
// not mounted.
func TestKnownFileOnADiskThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 30*day)
		stick := filepath.Join(l.home, "stick")
		usual := l.d.Store.Paths.Credentials
		if err := os.Mkdir(stick, 0o700); err != nil {
			t.Fatal(err)
		}
		l.write("stick/credentials", l.text())
		l.d.Store.Paths.Credentials = filepath.Join(stick, "credentials")
		l.pass(Request{}) // in a shell whose variable names it
		l.d.Store.Paths.Credentials = usual
		for _, move := range [][2]string{{stick, stick + "-away"}, {stick + "-away", stick}} {
			if err := os.Rename(move[0], move[1]); err != nil {
				t.Fatal(err)
			}
			l.pass(Request{})
		}
		r := l.pass(Request{Options: Options{Manual: true, Force: true}})
		if !r.NeedsPerson || !strings.Contains(r.Why, stick) || l.count("CreateAccessKey") > 0 {
			t.Errorf("%s: %s", r.State, r.Why)
		}
	})
}

// TestFileOnADiskThatIsAway: a file that is not there is not one from which
// somebody has taken the key, and the person is told so before she gives it up.
func TestFileOnADiskThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		l.write("config", "[profile other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
		if err := os.Rename(filepath.Join(l.home, "credentials"), filepath.Join(l.home, "away")); err != nil {
			t.Fatal(err)
		}
		l.d.HTTP = l.cloud // the lab's own looks at the file
		r := l.passes(Request{})[0]
		if !r.NeedsPerson || !strings.Contains(r.Why, "credentials is not there") || !strings.Contains(r.Hint, "not mounted") {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
		if rotation, err := l.d.RotationToGiveUp(t.Context(), "default"); err != nil || rotation == nil || l.d.MissingFile(rotation) == "" {
			t.Errorf("%v, %v", rotation, err)
		}
		if err := os.Rename(filepath.Join(l.home, "away"), filepath.Join(l.home, "credentials")); err != nil {
			t.Fatal(err)
		}
		l.restart()
		l.live(30*day, settled)
		l.oneKey()
	})
}

// TestSecondKeyOfAKnownFile: a key that another file shows is no more offered to
// be pruned than one of this file, and keyd install does not promise to rotate
// what it will not.
func TestSecondKeyOfAKnownFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		id, secret := l.user.AddInactiveKey(300 * day)
		l.write("usual", fmt.Sprintf("[usual]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
		l.d.OtherFiles, l.d.Settings.PruneInactiveAfter = []string{filepath.Join(l.home, "usual")}, day
		if r := l.pass(Request{}); !strings.Contains(r.Why, "usual in "+l.home) || l.count("DeleteAccessKey") > 0 {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		if p, err := l.d.FindSecondKey(t.Context(), "default", ""); err == nil {
			t.Errorf("offered: %+v", p)
		}
		l.write("usual", l.text())
		if all, err := l.d.Rehearse(t.Context()); err != nil || all[0].Ready {
			t.Errorf("%v, %v", all[0].Why, err)
		}
	})
}

// TestHoldOfTheRightRotation: one profile name stands in two files, and in both
// its key is being rotated.
func TestHoldOfTheRightRotation(t *testing.T) {
	for _, first := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, awssim.RealLag(), 70*day)
			l.pass(Request{})
			id, secret := "", ""
			for n := 0; id == "" || (id < l.old.ID) != first; n++ {
				id, secret = l.cloud.AddUser(account, "/", fmt.Sprint("bob", n)).AddKey(70 * day)
			}
			l.write("elsewhere", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
			l.d.Store.Paths.Credentials = filepath.Join(l.home, "elsewhere")
			l.passes(Request{})
			if r, err := l.d.Hold(t.Context(), "default"); err != nil || r.State != StateHeld || r.Rotation.Old.ID != id {
				t.Errorf("%s: %s, %v", r.State, r.Why, err)
			}
		})
	}
}

// TestKeyThatStandsUnreadably: a place in which AWS readers disagree still shows
// its key to some of them. No key of the rotation goes while it stands there, and
// a person is told the line.
func TestKeyThatStandsUnreadably(t *testing.T) {
	for _, test := range []struct {
		name    string
		state   State
		mistake func(text, old, id string) string
	}{
		{"the new id twice in its only place", StateQuarantine, func(text, _, id string) string {
			return strings.Replace(text[:strings.Index(text, "[work]")], "[default]", "[default]\naws_access_key_id = "+id, 1)
		}},
		{"a section again, with the old pair", StateOverlap, func(text, old, _ string) string {
			return text + "\n[work]\n" + old
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.live(3*day, func(r Result) bool { return r.State == test.state })
				l.watch()
				whole, before := l.text(), len(l.cloud.Keys(l.user))
				old := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", l.old.ID, l.old.Secret.Reveal())
				l.write("credentials", test.mistake(whole, old, l.shows()))
				for range 30 {
					r := l.passes(Request{})[0]
					if !r.NeedsPerson || !strings.Contains(r.Why, "credentials:") || strings.Contains(r.Hint, "keyd") {
						t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
					}
					time.Sleep(12 * time.Hour)
				}
				if _, err := l.d.Resume(t.Context(), "default"); err == nil || len(l.cloud.Keys(l.user)) != before {
					t.Errorf("resume: %v, and %d keys are left", err, len(l.cloud.Keys(l.user)))
				}
				l.write("credentials", whole)
				l.live(40*day, settled)
				l.oneKey()
			})
		})
	}
}

// TestTwoKeysInTwoProfiles: the user's other key is in the way of a successor,
// and in use. It is neither pruned nor offered to be.
func TestTwoKeysInTwoProfiles(t *testing.T) {
	for name, add := range map[string]func(*awssim.User, time.Duration) (id, secret string){
		"active": (*awssim.User).AddKey, "inactive": (*awssim.User).AddInactiveKey,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, 70*day)
				id, secret := add(l.user, 300*day)
				l.write("credentials", l.text()+fmt.Sprintf("[second]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
				l.d.Settings.PruneInactiveAfter = 30 * day
				r := l.pass(Request{})
				if len(l.cloud.Keys(l.user)) != 2 || !r.NeedsPerson || !strings.Contains(r.Why, "second uses") || strings.HasPrefix(r.Hint, "keyd prune") {
					t.Errorf("%d keys, %s: %s; %s", len(l.cloud.Keys(l.user)), r.State, r.Why, r.Hint)
				}
			})
		})
	}
}

// TestTwinOfAKey: a place that shows the same id in a form that nobody can rotate
// hides neither the key nor what is remembered of it.
func TestTwinOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 200*day)
		pair := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = x\n", l.old.ID, l.old.Secret.Reveal())
		l.write("credentials", "[old]\n"+pair+l.text()+"[older]\n"+pair)
		for n := range 5 {
			results := l.passes(Request{})
			r := results[1]
			if r.Profiles[0] != "default" || !r.NeedsPerson || !strings.Contains(r.Why, "credentials:4") || r.Failure == nil || r.Failure.Count != n+1 {
				t.Fatalf("pass %d: %v %s: %s (%+v)", n, r.Profiles, r.State, r.Why, r.Failure)
			}
			time.Sleep(2 * day)
		}
	})
}

// passes is one pass with every key's result.
func (l *lab) passes(req Request) []Result {
	l.t.Helper()
	results, err := l.d.Pass(l.t.Context(), req)
	if err != nil {
		l.t.Fatal(err)
	}
	return results
}
