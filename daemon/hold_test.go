package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestResumeAsksForTheLastUse: a person holds, because a program still uses the
// old key. What AWS said of its use before the hold is no reason to deactivate it.
func TestResumeAsksForTheLastUse(t *testing.T) {
	for _, used := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, awssim.RealLag(), 70*day)
			l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
			if _, err := l.d.Hold(t.Context(), "default"); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				time.Sleep(day)
				if used {
					must(t, l.user.UseKey(l.old.ID, "s3", "eu-west-1"))
				}
			}
			time.Sleep(time.Hour)
			r, err := l.d.Resume(t.Context(), "default")
			if err != nil || used == (r.State == StateQuarantine) || used != strings.Contains(r.Why, "still used") {
				t.Errorf("used %v: %s: %s (%v)", used, r.State, r.Why, err)
			}
			l.watch()
			l.safe()
		})
	}
}

// TestHoldOfAnOrphan: the key of a lost answer is not deleted while a person holds
// the rotation, and is after she has let it go on.
func TestHoldOfAnOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orphanLab(t)
		r, err := l.d.Hold(t.Context(), "default")
		if err != nil || r.State != StateHeld || !strings.Contains(r.Why, "is not deleted, keyd resume continues") {
			t.Errorf("%s: %s (%v)", r.State, r.Why, err)
		}
		for range 10 {
			time.Sleep(day)
			l.pass(Request{})
		}
		if r, n := l.pass(Request{}), l.count("DeleteAccessKey"); n > 0 || r.State != StateHeld {
			t.Errorf("%s: %s; deleted %d times", r.State, r.Why, n)
		}
		if _, err := l.d.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		l.live(20*day, settled)
		l.safe()
		l.oneKey()
	})
}

// TestHoldWhileTheAnswerIsLost begins no other rotation, also when the call had no
// effect and the key is still due.
func TestHoldWhileTheAnswerIsLost(t *testing.T) {
	for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, 70*day)
				l.cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: when, Times: 1})
				l.pass(Request{})
				r, err := l.d.Hold(t.Context(), "default")
				if err != nil || r.State != StateHeld || l.count("CreateAccessKey") != 1 {
					t.Errorf("%s: %s (%v); sent %d times", r.State, r.Why, err, l.count("CreateAccessKey"))
				}
				time.Sleep(3 * day)
				l.pass(Request{})
				if _, err := l.d.Resume(t.Context(), "default"); err != nil || l.count("CreateAccessKey") > 2 {
					t.Errorf("%v; sent %d times", err, l.count("CreateAccessKey"))
				}
				l.live(20*day, settled)
				l.safe()
				l.oneKey()
			})
		})
	}
}

// orphanLab has a key, probably of a lost answer, in its quarantine.
func orphanLab(t *testing.T) *lab {
	l := newLab(t, awssim.Lag{}, 70*day)
	l.user.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed) // so that it is not certain
	l.cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
	l.live(time.Hour, func(r Result) bool { return r.State == StateQuarantine })
	return l
}

// TestHoldInDoubt: where no place of the key can be read, a person gets the old one
// back all the same.
func TestHoldInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		l.watch()
		whole := l.text()
		l.write("credentials", strings.Replace(whole[:strings.Index(whole, "[work]")], "[default]", "[default]\naws_access_key_id = "+l.shows(), 1))
		l.d.OnEvent = nil // the lab reads the file whenever something is told
		r, err := l.d.Hold(t.Context(), "default")
		if keys := l.cloud.Keys(l.user); err != nil || len(keys) != 2 || keys[0].Status != "Active" || !strings.Contains(r.Why, "credentials:") {
			t.Errorf("%s: %s, %v; %v", r.State, r.Why, err, keys)
		}
	})
}

// TestHoldSignsWithTheNewKey, also when the old text is back in the file and the
// user has another name.
func TestHoldSignsWithTheNewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		start := l.text()
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		time.Sleep(time.Hour)
		l.user.Rename("/", "alicia")
		l.write("credentials", start)
		from := len(l.cloud.Calls())
		if r, err := l.d.Hold(t.Context(), "default"); err != nil || r.State != StateHeld {
			t.Errorf("%s: %s, %v", r.State, r.Why, err)
		}
		for _, call := range l.cloud.Calls()[from:] {
			if call.KeyID == l.old.ID {
				t.Errorf("%s was signed with the old key", call.Action)
			}
		}
		if keys := l.cloud.Keys(l.user); keys[0].Status != "Active" {
			t.Errorf("the old key is %s", keys[0].Status)
		}
	})
}
