package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestRetiringRestsOnALookOfItsOwn: when no time passes by the clock between
// the look before the deactivation and the deactivation, or the clock is set
// back, the look must not be taken for one that came after.
func TestRetiringRestsOnALookOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		r := l.pass(Request{Options: Options{Manual: true, RetireNow: true}})
		if !settled(r) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.safe()
		l.oneKey()
	})
}

// TestAClockThatIsSetBack between the steps of a rotation holds it up for no
// longer than a look.
func TestAClockThatIsSetBack(t *testing.T) {
	for _, back := range []time.Duration{time.Second, 20 * time.Second, 4 * time.Minute} {
		t.Run(back.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.pass(Request{Options: Options{Manual: true}})
				l.restart()
				l.d.Now = func() time.Time { return time.Now().Add(-back) }
				l.d.AwakeSince = time.Now() // as the daemon that began before the clock was set
				r := l.pass(Request{Options: Options{Manual: true, RetireNow: true}})
				if !settled(r) {
					t.Errorf("%s: %s", r.State, r.Why)
				}
				l.safe()
				l.oneKey()
			})
		})
	}
}

// TestAListThatLagsIsNoPerson: after the deactivation one list can show the old
// key Inactive and the next one Active again, although nobody touched it.
func TestAListThatLagsIsNoPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		for n := range 20 {
			if r := l.pass(Request{Options: Options{Manual: true, Force: true, RetireNow: true}}); !settled(r) {
				t.Fatalf("rotation %d: %s: %s", n, r.State, r.Why)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestHoldThatComesTooLate: the old key is gone already, by the daemon or in the
// console. There is nothing to hold, and the rotation ends.
func TestHoldThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(20*day, func(r Result) bool { return r.State == StateQuarantine })
		if err := l.user.DeleteKey(l.old.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := l.d.Hold(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(l.said, "\n"); !strings.Contains(said, "nothing left to hold") {
			t.Errorf("the person is not told: %s", said)
		}
		l.live(8*day, settled)
		l.oneKey()
	})
}

// TestNewKeyThatNobodyShowsIsGone: the person has put another key into the file,
// said that keyd shall go on, and the new key, which alone could be asked about
// itself, is gone: deleted in the console, or by a pass that was killed before
// it could note it.
func TestNewKeyThatNobodyShowsIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.pass(Request{})
		time.Sleep(time.Minute)
		id, secret := awssim.New(awssim.Options{Seed: 9}).AddUser(account, "/", "other").AddKey(day)
		l.write("credentials", "[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
		if err := l.user.DeleteKey(journalled(t, l.d).New.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := l.d.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			time.Sleep(3 * time.Hour)
			if _, err := l.d.Pass(t.Context(), Request{}); err != nil {
				t.Fatal(err)
			}
		}
		if left, errs := l.d.journalDir().Load(t.Context()); len(left) > 0 || len(errs) > 0 {
			t.Errorf("the rotation goes on for ever: %v %v", left, errs)
		}
	})
}

// journalled is the one rotation in progress.
func journalled(t *testing.T, d *Rotator) *Rotation {
	t.Helper()
	all, errs := d.journalDir().Load(t.Context())
	if len(all) != 1 || len(errs) > 0 {
		t.Fatalf("%d rotations go on: %v", len(all), errs)
	}
	return all[0]
}

// TestRetireNowEndsWhatItIsNamedFor: each of these tells the person that keyd
// rotate --retire-now ends it.
func TestRetireNowEndsWhatItIsNamedFor(t *testing.T) {
	cases := map[string]func(*testing.T) *lab{
		"a key of a lost answer in its quarantine": orphanLab,
		"an old key that is active again": func(t *testing.T) *lab {
			l := newLab(t, awssim.RealLag(), 70*day)
			l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
			time.Sleep(time.Hour)
			must(t, l.user.SetStatus(l.old.ID, "Active"))
			l.live(12*day, func(r Result) bool { return r.Do == DoBlock })
			return l
		},
	}
	for name, begin := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t)
				if r := l.pass(Request{}); !strings.Contains(r.Why+r.Hint, "keyd rotate --retire-now") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if r := l.pass(Request{Options: Options{Manual: true, RetireNow: true}}); !settled(r) {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				l.safe()
				l.oneKey()
			})
		})
	}
}

// TestRetireNowIsSaidOnce: what a person makes Active again after --retire-now is
// hers, until she says it once more.
func TestRetireNowIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.user.DenyAction("DeleteAccessKey", awssim.NotAllowed)
		l.pass(Request{Options: Options{Manual: true, RetireNow: true}})
		time.Sleep(time.Hour)
		must(t, l.user.SetStatus(l.old.ID, "Active"))
		for range 3 {
			time.Sleep(day)
			l.pass(Request{})
		}
		if keys := l.cloud.Keys(l.user); len(keys) != 2 || keys[0].Status != "Active" {
			t.Errorf("%+v", keys)
		}
	})
}
