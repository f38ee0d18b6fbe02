package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

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

// TestMendingDoesNotWaitForOtherFailures: keyd tries tomorrow again to delete or
// deactivate the old key, because AWS denies it today. A file that shows the old key again
// is mended now.
func TestMendingDoesNotWaitForOtherFailures(t *testing.T) {
	for action, limit := range map[string]time.Duration{"DeleteAccessKey": 12 * settings.Day, "UpdateAccessKey": 3 * settings.Day} {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				backup := l.ReadCredentials()
				l.Pass(rotate.Request{})
				want := l.ReadCredentials()
				l.User.DenyAction(action, awssim.NotAllowed)
				l.RunUntil(limit, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
				l.WriteFile("credentials", backup)
				calls := len(l.Cloud.Calls())
				r := l.Pass(rotate.Request{})
				if l.ReadCredentials() != want {
					t.Errorf("not mended: %s: %s", r.State, r.Why)
				}
				for range 10 {
					time.Sleep(15 * time.Minute)
					l.Pass(rotate.Request{})
				}
				if n := len(l.Cloud.Calls()) - calls; n > 10 {
					t.Errorf("%d calls for one mending", n)
				}
				if out := l.Cloud.Outage(l.Shown, time.Now()); out > time.Minute {
					t.Errorf("the file showed a dead key for %s", out)
				}
			})
		})
	}
}

// TestMendingNeedsOnlyOneEndpoint: mending a file that shows a dead key must not
// wait for a region that has been turned off since, or that cannot be reached.
func TestMendingNeedsOnlyOneEndpoint(t *testing.T) {
	for name, code := range map[string]string{"turned off since": "InvalidClientTokenId", "not reached from here": "", "STS turned off since": "RegionDisabledException"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				start := l.ReadCredentials()
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: code, shut: new(int)}
				l.WriteFile("credentials", start)
				l.RecordShown()
				if r := l.Pass(rotate.Request{}); l.ShownID() == l.OldKey.ID {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
			})
		})
	}
}

// TestMendingDespiteRefusalAndSilence: of the endpoints of a pair that was proven
// earlier, one accepts it, one has been turned off since, and one does not answer.
func TestMendingDespiteRefusalAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		l.Rotator.HTTP = gate{Doer: l.Rotator.HTTP, host: "iam.amazonaws.com", shut: new(int)}
		l.WriteFile("credentials", start)
		r := l.Pass(rotate.Request{})
		if l.RecordShown(); l.ShownID() == l.OldKey.ID {
			t.Errorf("the dead key is still in the file: %s: %s", r.State, r.Why)
		}
	})
}

// TestMendingNeverRestoresInactiveKey: while a deactivation spreads through AWS, one
// endpoint already refuses the key, and another one still accepts it.
func TestMendingNeverRestoresInactiveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		time.Sleep(time.Hour)
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		fresh := l.ShownID()
		time.AfterFunc(20*time.Second, func() {
			if err := l.User.SetStatus(fresh, "Inactive"); err != nil {
				t.Error(err)
			}
		})
		l.WriteFile("credentials", start)
		l.RecordShown()
		if r := l.Pass(rotate.Request{}); l.ShownID() != l.OldKey.ID {
			t.Errorf("a key that a person has made inactive is in the file again: %s: %s", r.State, r.Why)
		}
	})
}

// TestMendingNeverGivesUpValidatedKey: the user may have another name by now, and
// the old key may be Inactive, so the new key must not be given up.
func TestMendingNeverGivesUpValidatedKey(t *testing.T) {
	const path = "arn:aws:iam::" + lab.Account + ":user/before/alice"
	for name, c := range map[string]struct {
		lie   func(*journal.Rotation)
		mends bool
	}{
		"the user was moved": {func(r *journal.Rotation) { r.ARN = path }, true},
		"the user was moved, and the journal is an earlier keyd's": {func(r *journal.Rotation) { r.ARN, r.UserID = path, "" }, true},
		"AWS reports another user":                                 {func(r *journal.Rotation) { r.UserID = "AIDAXXXXXXXXXXXXXXXX" }, false},
		"the journal is an earlier keyd's":                         {func(r *journal.Rotation) { r.UserID, r.OpenRegions, r.ClosedRegions = "", nil, nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				start := l.ReadCredentials()
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				l.EditJournal(c.lie)
				l.WriteFile("credentials", start)
				r := l.Pass(rotate.Request{})
				if mended := l.ShownID() != l.OldKey.ID; mended != c.mends {
					t.Errorf("mended: %v; %s: %s", mended, r.State, r.Why)
				}
				if r.Rotation == nil || r.Rotation.GiveUpReason != "" || r.NeedsPerson == c.mends {
					t.Errorf("%s, needs a person: %v: %s", r.State, r.NeedsPerson, r.Why)
				}
			})
		})
	}
}

// TestTornPairIsMendedDespiteWrongEndpoint: half a pair is useless, and making it
// whole needs no call.
func TestTornPairIsMendedDespiteWrongEndpoint(t *testing.T) {
	f := decide.Facts{ID: "AKIAOLD", Profiles: []string{"default"}, EndpointErr: correctable("wrong")}
	f.Rotation = &journal.Rotation{Validated: time.Now()}
	f.Rotation.New.ID = "AKIANEW"
	f.Placement = decide.Placement{Old: 1, Torn: 1}
	if d := decide.Next(f, settings.Default(), time.Now()); d.Do != decide.DoMend {
		t.Errorf("%s: %s", d.Do, d.Why)
	}
	f.Placement = decide.Placement{Old: 1}
	if d := decide.Next(f, settings.Default(), time.Now()); d.Do != decide.DoBlock || d.Hint != "correct it" {
		t.Errorf("%s: %s", d.Do, d.Why)
	}
}

// correctable is an error whose hint is to correct it.
type correctable string

func (e correctable) Error() string { return string(e) }

func (correctable) Hint() string { return "correct it" }
