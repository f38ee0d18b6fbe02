package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
)

// TestLostAnswerOfCreateConverges loses the answer in every way, with and
// without the effect: sent once, the file untouched, an error, and later passes
// end with one key and nobody asked.
func TestLostAnswerOfCreateConverges(t *testing.T) {
	t.Parallel()
	kinds := []awssim.Kind{awssim.Close, awssim.Reset, awssim.Hang, awssim.Timeout, awssim.Status500, awssim.Status503,
		awssim.Truncated, awssim.ShortLength, awssim.Empty, awssim.HTML, awssim.NoSecret}
	for _, kind := range kinds {
		for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, awssim.RealLag(), 70*day)
					start := l.text()
					l.cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: kind, When: when, Times: 1})
					r := l.pass(Request{})
					if r.Err == nil || l.text() != start || l.count("CreateAccessKey") != 1 {
						t.Fatalf("err %v, sent %d times, file touched: %v", r.Err, l.count("CreateAccessKey"), l.text() != start)
					}
					l.live(30*day, settled)
					l.safe()
					l.oneKey()
					l.onlyValues(start)
				})
			})
		}
	}
}

// TestForeignKeyAppearsWhileTheAnswerIsLost is a person, or another laptop,
// who makes a key in the very seconds in which an answer is lost.
func TestForeignKeyAppearsWhileTheAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		l.pass(Request{})
		foreign, _ := l.user.CreateKey()
		time.Sleep(2 * time.Minute)
		r := l.pass(Request{})
		if r.State != StateBlocked || !strings.Contains(r.Why, credfile.Short(foreign)) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		for _, k := range l.cloud.Keys(l.user) {
			if k.Status != "Active" {
				t.Errorf("%s is %s: keyd could not know whose it is", k.ID, k.Status)
			}
		}
	})
}

func TestPermissionsThatAreMissing(t *testing.T) {
	cases := map[string]struct {
		deny  string
		layer awssim.Layer
		want  State
		says  string
	}{
		"nothing may be listed":            {"ListAccessKeys", awssim.NotAllowed, StateBlocked, "no identity-based policy allows"},
		"nothing may be created":           {"CreateAccessKey", awssim.SCP, StateBlocked, "service control policy"},
		"the old key could not be retired": {"UpdateAccessKey", awssim.Boundary, StateBlocked, "permissions boundary"},
		"only with MFA":                    {"*AccessKey*", awssim.MFAGuard, StateBlocked, "explicit deny"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, 70*day)
				start := l.text()
				l.user.DenyAction("iam:"+c.deny, c.layer)
				r := l.pass(Request{})
				if r.State != c.want || !r.NeedsPerson || !strings.Contains(r.Why, c.says) || r.Err == nil {
					t.Errorf("%s: %s (%v)", r.State, r.Why, r.Err)
				}
				if keys := l.cloud.Keys(l.user); len(keys) != 1 || l.text() != start {
					t.Errorf("something was changed: %d keys", len(keys))
				}
			})
		})
	}
}

// TestOptionalPermissions rotates without the ones that keyd can do without.
func TestOptionalPermissions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		for _, action := range []string{"iam:GetAccessKeyLastUsed", "iam:TagUser", "iam:UntagUser"} {
			l.user.DenyAction(action, awssim.NotAllowed)
		}
		l.live(20*day, settled)
		l.safe()
		l.oneKey()
		if n := l.count("TagUser"); n != 1 {
			t.Errorf("a refused tag was tried %d times", n)
		}
	})
}

func TestDeleteIsDeniedAfterTheSwap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.user.DenyAction("iam:DeleteAccessKey", awssim.NotAllowed)
		r := l.live(20*day, func(r Result) bool { return r.NeedsPerson })
		if !strings.Contains(r.Why, "DeleteAccessKey") {
			t.Errorf("%s", r.Why)
		}
		l.user.LiftDeny("iam:DeleteAccessKey")
		l.live(3*day, settled)
		l.safe()
		l.oneKey()
	})
}

func TestNetworkIsAwayAtEveryPhase(t *testing.T) {
	t.Parallel()
	for _, kind := range []awssim.Kind{awssim.DNS, awssim.Dial, awssim.TLS, awssim.HTML, awssim.Throttle, awssim.Hang} {
		for _, after := range []int{0, 1, 3, 8, 20, 40} {
			t.Run(string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, awssim.RealLag(), 70*day)
					l.cloud.Inject(awssim.Fault{Kind: kind, Skip: after, Times: 60})
					l.live(40*day, settled)
					l.safe()
					l.oneKey()
				})
			})
		}
	}
}

func TestNewKeyIsNeverAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 70*day)
		start := l.text()
		r := l.pass(Request{})
		if r.Err == nil || l.text() != start || r.Rotation != nil {
			t.Errorf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		if keys := l.cloud.Keys(l.user); len(keys) != 1 || keys[0].ID != l.old.ID {
			t.Errorf("keys left: %+v", keys)
		}
		if left := time.Until(r.Until); left < 5*time.Hour {
			t.Errorf("tries again in %s: each try makes a key", left)
		}
		l.safe()
	})
}

func TestMending(t *testing.T) {
	for name, at := range map[string]State{"in the overlap": StateOverlap, "in the quarantine": StateQuarantine} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				backup := l.text()
				l.live(20*day, func(r Result) bool { return r.State == at })
				want := l.text()
				l.write("credentials", backup)
				r := l.pass(Request{})
				if l.text() != want || r.State != at {
					t.Errorf("not mended: %s, %s", r.State, r.Why)
				}
				l.live(20*day, settled)
				l.oneKey()
			})
		})
	}
}

func TestThirdIDStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.pass(Request{})
		third := awssim.New(awssim.Options{Seed: 9}).AddUser(account, "/", "other")
		id, secret := third.AddKey(day)
		mine := "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = " + secret + "\n"
		l.write("credentials", mine)
		calls := len(l.cloud.Calls())
		results, err := l.d.Pass(t.Context(), Request{})
		if err != nil || results[0].State != StateBlocked || results[0].Hint != "keyd resume default" {
			t.Fatalf("%v %+v", err, results)
		}
		if l.text() != mine {
			t.Error("the file was overwritten")
		}
		for _, c := range l.cloud.Calls()[calls:] {
			if c.KeyID != id {
				t.Errorf("%s was signed with %s", c.Action, c.KeyID)
			}
		}
	})
}

func TestHoldRevivesAndResumeGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(20*day, func(r Result) bool { return r.State == StateQuarantine })
		if _, err := l.d.Hold(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !l.cloud.IsUsable(l.old.ID, l.old.Secret.Reveal()) {
			t.Error("the old key is not usable again")
		}
		r := l.live(0, func(r Result) bool { return r.State == StateHeld })
		if !r.Until.IsZero() {
			t.Error("a hold ends by itself")
		}
		if _, err := l.d.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		l.live(20*day, settled)
		l.safe()
		l.oneKey()
	})
}

func TestOldKeyStillUsedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.pass(Request{})
		time.Sleep(5 * time.Hour)
		if err := l.user.UseKey(l.old.ID, "s3", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		r := l.live(3*day, func(r Result) bool { return r.NeedsPerson })
		for _, word := range []string{"s3", "eu-west-1", "still used"} {
			if !strings.Contains(r.Why, word) {
				t.Errorf("%q does not say %q", r.Why, word)
			}
		}
		time.Sleep(30 * day)
		l.pass(Request{})
		if keys := l.cloud.Keys(l.user); len(keys) != 2 || keys[0].Status != "Active" {
			t.Errorf("a key in use was touched: %+v", keys)
		}
		l.pass(Request{Options: Options{Manual: true, RetireNow: true}})
		l.oneKey()
		l.safe()
	})
}

func TestSecondKeyIsNotTouchedUnasked(t *testing.T) {
	for _, active := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, awssim.Lag{}, 70*day)
			second, _ := l.user.AddInactiveKey(300 * day)
			if active {
				if err := l.user.SetStatus(second, "Active"); err != nil {
					t.Fatal(err)
				}
			}
			r := l.pass(Request{})
			if r.State != StateBlocked || r.Hint != "keyd prune default" || !strings.Contains(r.Why, credfile.Short(second)) {
				t.Errorf("%s: %s, run %q", r.State, r.Why, r.Hint)
			}
			if n := len(l.cloud.Keys(l.user)); n != 2 || l.count("CreateAccessKey") != 0 {
				t.Errorf("%d keys, %d created", n, l.count("CreateAccessKey"))
			}
			l.d.Settings.PruneInactiveAfter = 90 * day
			time.Sleep(2 * day)
			r = l.pass(Request{})
			if pruned := r.State == StateOverlap; pruned == active {
				t.Errorf("active %v, prune_inactive_after set: %s, %s", active, r.State, r.Why)
			}
		})
	}
}

func TestKeysThatAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.d.Settings.ProfileRotateAfter = map[string]time.Duration{"work": Never}
		if r := l.pass(Request{}); r.State != StateSkipped || len(l.cloud.Calls()) != 0 {
			t.Errorf("excluded: %s, %d calls", r.State, len(l.cloud.Calls()))
		}
		l.d.Settings.ProfileRotateAfter = nil
		root, secret := l.cloud.AddRoot(account).AddKey(400 * day)
		l.write("credentials", "[default]\naws_access_key_id = "+root+"\naws_secret_access_key = "+secret+"\n")
		if r := l.pass(Request{}); r.State != StateSkipped || !strings.Contains(r.Why, "root") {
			t.Errorf("root: %s, %s", r.State, r.Why)
		}
	})
}

func TestWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, 10 * time.Minute, 20 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, awssim.Lag{}, 70*day)
			l.cloud.SkewDate(off)
			r := l.pass(Request{})
			if !r.NeedsPerson || !strings.Contains(r.Why, "clock") || l.count("CreateAccessKey") != 0 {
				t.Errorf("off by %s: %s, %s (%v)", off, r.State, r.Why, r.Err)
			}
		})
	}
}

func TestRegionThatIsOffIsNoReasonToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.write("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = af-south-1\n")
		l.cloud.CloseRegion("af-south-1")
		l.restart()
		l.live(20*day, settled)
		l.safe()
		l.oneKey()
	})
}

func TestKeysAreReplacedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.live(200*day, func(Result) bool { return l.count("CreateAccessKey") >= 3 })
		var made []time.Time
		for _, c := range l.cloud.Calls() {
			if c.Action == "CreateAccessKey" {
				made = append(made, c.At)
			}
		}
		if !slices.IsSortedFunc(made, time.Time.Compare) || made[1].Sub(made[0]) < 50*day {
			t.Errorf("keys made at %s", made)
		}
		l.safe()
	})
}

// TestACommandRemovesWhatAKilledPassLeft: the temporary file of a journal holds
// a secret, and it may be long until the next pass.
func TestACommandRemovesWhatAKilledPassLeft(t *testing.T) {
	for name, command := range map[string]func(*Rotator, context.Context) error{
		"hold":  func(d *Rotator, ctx context.Context) error { _, err := d.Hold(ctx, "work"); return err },
		"prune": func(d *Rotator, ctx context.Context) error { _, err := d.FindSecondKey(ctx, "work", ""); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, 70*day)
				l.pass(Request{})
				left := filepath.Join("state", "rotations", "."+l.old.ID+".json.keyd-0123456789abcdef")
				l.write(left, "a secret")
				_ = command(l.d, t.Context()) // what it answers does not matter
				if _, err := os.Stat(filepath.Join(l.home, left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("it is still there: %v", err)
				}
			})
		})
	}
}
