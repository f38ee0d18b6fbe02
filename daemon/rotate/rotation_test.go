package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestRotationCompletesWithoutOutage runs one rotation from the first look to the deletion.
func TestRotationCompletesWithoutOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.ProveFully()
		start := l.ReadCredentials()
		first := l.Pass(rotate.Request{})
		if first.State != decide.StateOverlap || first.KeyID == l.OldKey.ID {
			t.Fatalf("after the first pass: %s, %s (%v)", first.State, first.Why, first.Err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
		l.CheckOtherBytes(start)
		if n := l.CountCalls("CreateAccessKey"); n != 1 {
			t.Errorf("CreateAccessKey was sent %d times", n)
		}
		if elapsed := time.Since(l.Shown[1].At); elapsed < 8*settings.Day {
			t.Errorf("the old key lived only %s after the swap", elapsed)
		}
	})
}

// TestOutageIsNoticed swaps before the key is proven, as other
// tools do, because the network answers every question as if it were 10 s later.
// If the lab did not notice that outage, the other tests would prove nothing.
func TestOutageIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.ProveFully()
		l.Rotator.HTTP = hastyCloud{lab.Watcher{Lab: l}}
		l.Rotator.ProofRounds = 1
		l.Pass(rotate.Request{Options: decide.Options{Manual: true}}) // the daemon would wait for five minutes
		time.Sleep(10 * time.Second)
		out := l.Cloud.Outage(l.Shown, time.Now())
		if out < 7*time.Second || out > 9*time.Second {
			t.Errorf("swap before proof: outage %s, want about 8s", out)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, eightSeconds(), 70*settings.Day)
		l.ProveFully()
		l.Pass(rotate.Request{})
		if out := l.Cloud.Outage(l.Shown, time.Now()); out != 0 || l.ShownID() == l.OldKey.ID {
			t.Errorf("proof before swap: outage %s, file shows %s", out, l.ShownID())
		}
	})
}

// hastyCloud answers questions about keys as AWS will answer them in 10 s.
type hastyCloud struct{ lab.Watcher }

func (c hastyCloud) Do(r *http.Request) (*http.Response, error) {
	if readAction(r) == "CreateAccessKey" {
		return c.Watcher.Do(r)
	}
	defer c.Lab.RecordShown()
	return c.Lab.Cloud.Clone(func() time.Time { return time.Now().Add(10 * time.Second) }).Do(r)
}

// eightSeconds returns the lag of an IAM that needs 8 s to accept a new key, everywhere.
func eightSeconds() awssim.Lag {
	return awssim.Lag{Create: awssim.Range{Min: 8 * time.Second, Max: 8 * time.Second}, Replicas: 3}
}

// TestRotationMakesTheListedCalls counts the calls that RELIABILITY.md lists: for one
// key and two regions, from the first look to the deletion, if IAM answers at once.
func TestRotationMakesTheListedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.ProveFully()
		l.Rotator.Settings.CheckEvery = 30 * settings.Day
		l.RunUntil(20*settings.Day, lab.Settled)
		calls := map[string]int{}
		for _, c := range l.Cloud.Calls() {
			calls[c.Action]++
		}
		want := map[string]int{"CreateAccessKey": 1, "DeleteAccessKey": 1, "UpdateAccessKey": 2, "GetAccessKeyLastUsed": 2, "TagUser": 2, "UntagUser": 1,
			"GetCallerIdentity": 27, "ListAccessKeys": 15}
		if !maps.Equal(calls, want) {
			var lines []string
			for _, action := range slices.Sorted(maps.Keys(calls)) {
				lines = append(lines, fmt.Sprintf("%s %d, want %d", action, calls[action], want[action]))
			}
			t.Errorf("RELIABILITY.md lists other calls:\n%s", strings.Join(lines, "\n"))
		}
	})
}

func TestDeleteNowCompletesInOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 3*settings.Day)
		start := l.ReadCredentials()
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, DeleteNow: true}})
		if !lab.Settled(r) {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		l.CheckPromises()
		l.CheckOneKey()
		l.CheckOtherBytes(start)
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

func TestRotationSurvivesNetworkFailures(t *testing.T) {
	t.Parallel()
	for i, kind := range []awssim.Kind{awssim.DNS, awssim.Dial, awssim.TLS, awssim.HTML, awssim.Throttle, awssim.Hang} {
		for j, after := range []int{0, 1, 3, 8, 20, 40} {
			if !deeptest.On() && (i+j)%6 != 0 {
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
