package rotate_test

import (
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

// TestMissingPermissionNeedsPerson: a denial may come and go, so a person is called on the
// second day. Someone who runs keyd learns of it at once, by the error.
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
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				start := l.ReadCredentials()
				l.User.DenyAction("iam:"+c.deny, c.layer)
				r := l.Pass(rotate.Request{})
				if r.State != decide.StateWaiting || r.NeedsPerson || !strings.Contains(r.Why, c.says) || r.Err == nil || r.Hint == "" || !rotate.NeedsPerson(r.Err) {
					t.Errorf("on the first day: %s: %s (%v)", r.State, r.Why, r.Err)
				}
				time.Sleep(30 * time.Hour)
				r = l.Pass(rotate.Request{})
				if r.State != c.want || !r.NeedsPerson || !strings.Contains(r.Why, c.says) || r.Err == nil {
					t.Errorf("on the second day: %s: %s (%v)", r.State, r.Why, r.Err)
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

// TestLastingFailureNeedsPerson: keyd waits in silence for a week in which the machine
// is on, and for one day if the key is too old. Without any network it asks for a person
// after a week, however old the key is.
func TestLastingFailureNeedsPerson(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind  awssim.Kind
		age   time.Duration // of the key when the failures begin
		after time.Duration // of failures: from then on a person is needed
	}{
		"a proxy opens TLS, young":      {awssim.TLS, 10 * settings.Day, 7 * settings.Day},
		"a proxy opens TLS, too old":    {awssim.TLS, 100 * settings.Day, settings.Day},
		"AWS answers nonsense":          {awssim.HTML, 10 * settings.Day, 7 * settings.Day},
		"no network at all, but young":  {awssim.DNS, 10 * settings.Day, 7 * settings.Day},
		"no network at all and too old": {awssim.DNS, 100 * settings.Day, 7 * settings.Day},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, c.age)
				rotateAfter := func(after time.Duration) {
					l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": after, "work": after}
				}
				rotateAfter(365 * settings.Day)
				l.Pass(rotate.Request{})
				time.Sleep(settings.Day)
				rotateAfter(2 * settings.Day) // a key that is due has to be looked at
				l.Cloud.Inject(awssim.Fault{Kind: c.kind})
				l.Pass(rotate.Request{})
				began := time.Now()
				for time.Since(began) < 9*settings.Day {
					time.Sleep(6 * time.Hour)
					r := l.Pass(rotate.Request{})
					if lasted := time.Since(began); r.NeedsPerson != (lasted >= c.after) || r.NeedsPerson && r.Hint == "" {
						t.Fatalf("after %s: %s: %s; run %q", lasted, r.State, r.Why, r.Hint)
					}
				}
				l.Cloud.ClearFaults()
				time.Sleep(6 * time.Hour)
				if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap {
					t.Errorf("after the failures: %s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestEndedFailureIsForgotten: a step that failed once, and was not due again for
// weeks, has not failed for weeks.
func TestEndedFailureIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		backup := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		swapped := l.ReadCredentials()
		for range 2 {
			l.Cloud.Inject(awssim.Fault{Kind: awssim.TLS})
			l.WriteFile("credentials", backup)
			if r := l.Pass(rotate.Request{}); r.State != decide.StateWaiting {
				t.Errorf("%s: %s", r.State, r.Why)
			}
			l.Cloud.ClearFaults()
			l.WriteFile("credentials", swapped) // as the person does
			time.Sleep(2 * settings.Day)
			if r := l.Pass(rotate.Request{}); r.State != decide.StateQuarantine {
				t.Errorf("%s: %s", r.State, r.Why)
			}
		}
	})
}

// TestTagIsTriedTwice: the tag is optional, and a rotation does not stay open for it.
func TestTagIsTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "TagUser", Kind: awssim.Status500})
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		l.RunUntil(10*settings.Day, lab.Settled)
		if said := strings.Join(l.Events, "\n"); !strings.Contains(said, "TagUser") {
			t.Errorf("no event reports the missing tag: %s", said)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}
