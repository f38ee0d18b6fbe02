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

// workday passes one day of a laptop in the lab: the lid is up from half past eight to
// five, with a pass every half hour and whenever one is due. It returns the last result.
func workday(l *lab.Lab, morning time.Time, seen func(rotate.Result)) {
	time.Sleep(time.Until(morning))
	l.Rotator.AwakeSince = time.Now()
	for end := morning.Add(8*time.Hour + 30*time.Minute); time.Now().Before(end); {
		r := l.Pass(rotate.Request{})
		seen(r)
		time.Sleep(min(30*time.Minute, max(l.Rotator.TimeToNextPass([]rotate.Result{r}), time.Second)))
	}
}

// TestDenialOffTheNetworkOfACompany: a policy denies everything but from the VPN, which is
// on for two hours of each working day. The key is replaced all the same, in few calls,
// and while it waits the status says why.
func TestDenialOffTheNetworkOfACompany(t *testing.T) {
	for name, from := range map[string]func(day int) time.Duration{
		"from ten":       func(int) time.Duration { return 10 * time.Hour },
		"at drawn hours": func(day int) time.Duration { return 9*time.Hour + time.Duration(day*37%6)*time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				start := time.Now().Truncate(settings.Day).Add(settings.Day)
				allowed := func(at time.Time) bool {
					since := at.Sub(start)
					vpn := from(int(since / settings.Day))
					return since >= 0 && since%settings.Day >= vpn && since%settings.Day < vpn+2*time.Hour
				}
				l.User.DenyActionWhen("*", awssim.ExplicitDeny, func(at time.Time) bool { return !allowed(at) })
				created, waited := 0, 0
				for day := 0; day < 12 && created == 0; day++ {
					before := len(l.Cloud.Calls())
					workday(l, start.Add(time.Duration(day)*settings.Day+8*time.Hour+30*time.Minute), func(r rotate.Result) {
						if r.State == decide.StateWaiting || r.State == decide.StateBlocked {
							waited++
							if !strings.Contains(r.Why, "explicit deny") || !strings.Contains(r.Hint, "VPN") || strings.Contains(r.Hint, "console") {
								t.Fatalf("%s: %s; run %q", r.State, r.Why, r.Hint)
							}
						}
					})
					created = l.CountCalls("CreateAccessKey")
					if calls := len(l.Cloud.Calls()) - before; created == 0 && calls > 8 {
						t.Errorf("day %d: %d calls while it was denied", day, calls)
					}
				}
				if created != 1 || waited == 0 {
					t.Errorf("created %d keys in 12 days, waited in %d passes", created, waited)
				}
				l.CheckPromises()
			})
		})
	}
}

// TestLeakedKeyCallsAPerson: AWS's quarantine of a leaked key is no denial to wait out,
// whether AWS names the policy or only denies changes and no list.
func TestLeakedKeyCallsAPerson(t *testing.T) {
	for name, layer := range map[string]awssim.Layer{"named": awssim.Quarantine, "unnamed": awssim.QuarantineUnnamed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				l.User.DenyAction("*", layer)
				r := l.Pass(rotate.Request{})
				if !r.NeedsPerson || !strings.Contains(r.Why, "leaked") || !strings.Contains(r.Hint, "stolen") || strings.Contains(r.Hint, "keyd rotate") {
					t.Errorf("%s: %s; run %q", r.State, r.Why, r.Hint)
				}
				if keys := l.Cloud.Keys(l.User); len(keys) != 1 {
					t.Errorf("%d keys", len(keys))
				}
			})
		})
	}
}

// TestDenialIsNamedByPattern: where AWS says only "explicit deny", what else the key may do
// tells MFA from a place, and it is asked once.
func TestDenialIsNamedByPattern(t *testing.T) {
	for layer, words := range map[awssim.Layer]string{
		awssim.MFAGuard: "virtual MFA device", awssim.ExplicitDeny: "VPN", awssim.OldDeny: "VPN", awssim.SCP: "organization", awssim.RCP: "resource control policy",
		awssim.Boundary: "boundary", awssim.SessionDeny: "session", awssim.VPCEndpoint: "VPC endpoint",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.User.DenyAction("*", layer)
			for range 6 {
				if r := l.Pass(rotate.Request{}); !strings.Contains(r.Hint, words) || strings.Contains(r.Hint, "console") != (layer == awssim.MFAGuard) {
					t.Errorf("layer %d: %s; run %q", layer, r.Why, r.Hint)
				}
				time.Sleep(6 * time.Hour)
			}
			if n := l.CountCalls("ListMFADevices"); n > 1 && layer != awssim.MFAGuard || n > 2 { // once a day, whether there is a device now
				t.Errorf("layer %d: asked %d times", layer, n)
			}
		})
	}
}

// TestPersonRetriesADenialNow: keyd rotate and SIGHUP try at once, and the days of the
// denials still count.
func TestPersonRetriesADenialNow(t *testing.T) {
	for _, ask := range []decide.Options{{Manual: true}, {Retry: true}} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.User.DenyAction("ListAccessKeys", awssim.SCP)
			l.Pass(rotate.Request{})
			before := l.CountCalls("ListAccessKeys")
			if r := l.Pass(rotate.Request{Options: ask}); l.CountCalls("ListAccessKeys") != before+1 || r.NeedsPerson {
				t.Errorf("%+v: %d calls: %s", ask, l.CountCalls("ListAccessKeys")-before, r.Why)
			}
			time.Sleep(settings.Day)
			if r := l.Pass(rotate.Request{Options: ask}); !r.NeedsPerson {
				t.Errorf("%+v: on the second day: %s", ask, r.State)
			}
			l.User.LiftDeny("ListAccessKeys")
			if r := l.Pass(rotate.Request{Options: ask}); r.Rotation == nil {
				t.Errorf("%+v: allowed again: %s: %s", ask, r.State, r.Why)
			}
		})
	}
}

// TestLostNetworkHidesNoDenial: a laptop that has no network for a minute each morning
// still counts the days of a denial.
func TestLostNetworkHidesNoDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.User.DenyAction("UpdateAccessKey", awssim.SCP)
		var r rotate.Result
		for range 3 {
			l.Rotator.AwakeSince = time.Now()
			l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS})
			l.Pass(rotate.Request{})
			l.Cloud.ClearFaults()
			for range 4 {
				time.Sleep(2 * time.Hour)
				r = l.Pass(rotate.Request{})
			}
			time.Sleep(16 * time.Hour)
		}
		if !r.NeedsPerson || !strings.Contains(r.Why, "UpdateAccessKey") {
			t.Errorf("after three days: %s: %s", r.State, r.Why)
		}
	})
}
