package rotate_test

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
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestLostCreateAnswerConverges loses the answer in every way, with and without the
// effect of the call. keyd sends the call once, reports an error and does not touch the
// file; later passes end with one key, without a person's help.
func TestLostCreateAnswerConverges(t *testing.T) {
	t.Parallel()
	kinds := []awssim.Kind{awssim.Close, awssim.Reset, awssim.Hang, awssim.Timeout, awssim.Status500, awssim.Status503,
		awssim.Truncated, awssim.ShortLength, awssim.Empty, awssim.HTML, awssim.NoSecret}
	for _, kind := range kinds {
		for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
					start := l.ReadCredentials()
					l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: kind, When: when, Times: 1})
					r := l.Pass(rotate.Request{})
					if r.Err == nil || l.ReadCredentials() != start || l.CountCalls("CreateAccessKey") != 1 {
						t.Fatalf("err %v, sent %d times, file touched: %v", r.Err, l.CountCalls("CreateAccessKey"), l.ReadCredentials() != start)
					}
					l.RunUntil(30*settings.Day, lab.Settled)
					l.CheckPromises()
					l.CheckOneKey()
					l.CheckOtherBytes(start)
				})
			})
		}
	}
}

// TestForeignKeyDuringLostAnswerIsKept lets a person, or another laptop, create a key
// in the very seconds in which an answer is lost.
func TestForeignKeyDuringLostAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		l.Pass(rotate.Request{})
		foreign, _ := l.User.CreateKey()
		time.Sleep(2 * time.Minute)
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateBlocked || !strings.Contains(r.Why, credfile.Short(foreign)) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		for _, k := range l.Cloud.Keys(l.User) {
			if k.Status != "Active" {
				t.Errorf("%s is %s, although keyd cannot know whose it is", k.ID, k.Status)
			}
		}
	})
}

func TestMissingPermissionNeedsPerson(t *testing.T) {
	cases := map[string]struct {
		deny  string
		layer awssim.Layer
		want  decide.State
		says  string
	}{
		"list denied":         {"ListAccessKeys", awssim.NotAllowed, decide.StateBlocked, "no identity-based policy allows"},
		"creation denied":     {"CreateAccessKey", awssim.SCP, decide.StateBlocked, "service control policy"},
		"deactivation denied": {"UpdateAccessKey", awssim.Boundary, decide.StateBlocked, "permissions boundary"},
		"denied without MFA":  {"*AccessKey*", awssim.MFAGuard, decide.StateBlocked, "explicit deny"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				start := l.ReadCredentials()
				l.User.DenyAction("iam:"+c.deny, c.layer)
				r := l.Pass(rotate.Request{})
				if r.State != c.want || !r.NeedsPerson || !strings.Contains(r.Why, c.says) || r.Err == nil {
					t.Errorf("%s: %s (%v)", r.State, r.Why, r.Err)
				}
				if keys := l.Cloud.Keys(l.User); len(keys) != 1 || l.ReadCredentials() != start {
					t.Errorf("something has changed: %d keys", len(keys))
				}
			})
		})
	}
}

// TestOptionalPermissionsMayBeMissing rotates without the permissions that keyd can do
// without.
func TestOptionalPermissionsMayBeMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		for _, action := range []string{"iam:GetAccessKeyLastUsed", "iam:TagUser", "iam:UntagUser"} {
			l.User.DenyAction(action, awssim.NotAllowed)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
		if n := l.CountCalls("TagUser"); n != 1 {
			t.Errorf("the denied TagUser was called %d times", n)
		}
	})
}

func TestDeniedDeletionNeedsPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.User.DenyAction("iam:DeleteAccessKey", awssim.NotAllowed)
		r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		if !strings.Contains(r.Why, "DeleteAccessKey") {
			t.Errorf("%s", r.Why)
		}
		l.User.LiftDeny("iam:DeleteAccessKey")
		l.RunUntil(3*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

func TestRotationSurvivesNetworkFailures(t *testing.T) {
	t.Parallel()
	for i, kind := range []awssim.Kind{awssim.DNS, awssim.Dial, awssim.TLS, awssim.HTML, awssim.Throttle, awssim.Hang} {
		for j, after := range []int{0, 1, 3, 8, 20, 40} {
			if !deeptest.On() && (i+j)%3 != 0 {
				continue
			}
			t.Run(string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
					l.Cloud.Inject(awssim.Fault{Kind: kind, Skip: after, Times: 60})
					l.RunUntil(40*settings.Day, lab.Settled)
					l.CheckPromises()
					l.CheckOneKey()
				})
			})
		}
	}
}

func TestUnacceptedNewKeyIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 70*settings.Day)
		start := l.ReadCredentials()
		r := l.Pass(rotate.Request{})
		if r.Err == nil || l.ReadCredentials() != start || r.Rotation != nil {
			t.Errorf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 || keys[0].ID != l.OldKey.ID {
			t.Errorf("keys left: %+v", keys)
		}
		if left := time.Until(r.Until); left < 5*time.Hour {
			t.Errorf("tries again in %s, although each attempt creates a key", left)
		}
		l.CheckPromises()
	})
}

func TestRevertedFileIsMended(t *testing.T) {
	for name, at := range map[string]decide.State{"in the overlap": decide.StateOverlap, "in the quarantine": decide.StateQuarantine} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				backup := l.ReadCredentials()
				l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == at })
				want := l.ReadCredentials()
				l.WriteFile("credentials", backup)
				r := l.Pass(rotate.Request{})
				if l.ReadCredentials() != want || r.State != at {
					t.Errorf("not mended: %s, %s", r.State, r.Why)
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckOneKey()
			})
		})
	}
}

func TestThirdIDStopsRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Pass(rotate.Request{})
		third := awssim.New(awssim.Options{Seed: 9}).AddUser(lab.Account, "/", "other")
		id, secret := third.AddKey(settings.Day)
		mine := "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = " + secret + "\n"
		l.WriteFile("credentials", mine)
		calls := len(l.Cloud.Calls())
		results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
		if err != nil || results[0].State != decide.StateBlocked || results[0].Hint != "keyd resume default" {
			t.Fatalf("%v %+v", err, results)
		}
		if l.ReadCredentials() != mine {
			t.Error("the file was overwritten")
		}
		for _, c := range l.Cloud.Calls()[calls:] {
			if c.KeyID != id {
				t.Errorf("%s was signed with %s", c.Action, c.KeyID)
			}
		}
	})
}

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

func TestUsedOldKeyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{})
		time.Sleep(5 * time.Hour)
		if err := l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
		r := l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		for _, word := range []string{"s3", "eu-west-1", "still used"} {
			if !strings.Contains(r.Why, word) {
				t.Errorf("%q does not say %q", r.Why, word)
			}
		}
		time.Sleep(30 * settings.Day)
		l.Pass(rotate.Request{})
		if keys := l.Cloud.Keys(l.User); len(keys) != 2 || keys[0].Status != "Active" {
			t.Errorf("a key in use was touched: %+v", keys)
		}
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		l.CheckOneKey()
		l.CheckPromises()
	})
}

func TestSecondKeyIsKeptUnlessAllowed(t *testing.T) {
	for _, active := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			second, _ := l.User.AddInactiveKey(300 * settings.Day)
			if active {
				if err := l.User.SetStatus(second, "Active"); err != nil {
					t.Fatal(err)
				}
			}
			r := l.Pass(rotate.Request{})
			if r.State != decide.StateBlocked || r.Hint != "keyd prune default" || !strings.Contains(r.Why, credfile.Short(second)) {
				t.Errorf("%s: %s, run %q", r.State, r.Why, r.Hint)
			}
			if n := len(l.Cloud.Keys(l.User)); n != 2 || l.CountCalls("CreateAccessKey") != 0 {
				t.Errorf("%d keys, %d created", n, l.CountCalls("CreateAccessKey"))
			}
			l.Rotator.Settings.PruneInactiveAfter = 90 * settings.Day
			time.Sleep(2 * settings.Day)
			r = l.Pass(rotate.Request{})
			if pruned := r.State == decide.StateOverlap; pruned == active {
				t.Errorf("active %v, prune_inactive_after set: %s, %s", active, r.State, r.Why)
			}
		})
	}
}

func TestExcludedAndRootKeysAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"work": settings.Never}
		if r := l.Pass(rotate.Request{}); r.State != decide.StateSkipped || len(l.Cloud.Calls()) != 0 {
			t.Errorf("excluded: %s, %d calls", r.State, len(l.Cloud.Calls()))
		}
		l.Rotator.Settings.ProfileRotateAfter = nil
		root, secret := l.Cloud.AddRoot(lab.Account).AddKey(400 * settings.Day)
		l.WriteFile("credentials", "[default]\naws_access_key_id = "+root+"\naws_secret_access_key = "+secret+"\n")
		if r := l.Pass(rotate.Request{}); r.State != decide.StateSkipped || !strings.Contains(r.Why, "root") {
			t.Errorf("root: %s, %s", r.State, r.Why)
		}
	})
}

func TestWrongClockCreatesNoKey(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, 10 * time.Minute, 20 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.Cloud.SkewDate(off)
			r := l.Pass(rotate.Request{})
			if !r.NeedsPerson || !strings.Contains(r.Why, "clock") || l.CountCalls("CreateAccessKey") != 0 {
				t.Errorf("off by %s: %s, %s (%v)", off, r.State, r.Why, r.Err)
			}
		})
	}
}

func TestDisabledRegionDoesNotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.WriteFile("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = af-south-1\n")
		l.Cloud.CloseRegion("af-south-1")
		l.Restart()
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

func TestKeysAreReplacedRepeatedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.RunUntil(200*settings.Day, func(rotate.Result) bool { return l.CountCalls("CreateAccessKey") >= 3 })
		var made []time.Time
		for _, c := range l.Cloud.Calls() {
			if c.Action == "CreateAccessKey" {
				made = append(made, c.At)
			}
		}
		if !slices.IsSortedFunc(made, time.Time.Compare) || made[1].Sub(made[0]) < 50*settings.Day {
			t.Errorf("keys created at %s", made)
		}
		l.CheckPromises()
	})
}

// TestCommandsRemoveTemporaryFiles: the temporary file of a journal, left by a killed
// pass, holds a secret, and the next pass may be far away.
func TestCommandsRemoveTemporaryFiles(t *testing.T) {
	for name, command := range map[string]func(*rotate.Rotator, context.Context) error{
		"hold": func(d *rotate.Rotator, ctx context.Context) error { _, err := d.Hold(ctx, "work"); return err },
		"prune": func(d *rotate.Rotator, ctx context.Context) error {
			_, err := d.FindSecondKey(ctx, "work", "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
				l.Pass(rotate.Request{})
				left := filepath.Join("state", "rotations", "."+l.OldKey.ID+".json.keyd-0123456789abcdef")
				l.WriteFile(left, "a secret")
				_ = command(l.Rotator, t.Context()) // its result does not matter
				if _, err := os.Stat(filepath.Join(l.Home, left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the temporary file is still there: %v", err)
				}
			})
		})
	}
}
