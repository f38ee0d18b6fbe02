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

// TestRenamedOrMovedUserIsFound renames or moves a user, who keeps the unique id and
// the keys: keyd finds the user again without help.
func TestRenamedOrMovedUserIsFound(t *testing.T) {
	for name, to := range map[string]struct{ path, name string }{
		"to another path": {"/staff/", "alice"},
		"to another name": {"/", "alicia"},
	} {
		for when, ripe := range map[string]func(rotate.Result) bool{
			"before it is due":  func(r rotate.Result) bool { return lab.Settled(r) },
			"in the overlap":    func(r rotate.Result) bool { return r.State == decide.StateOverlap },
			"in the quarantine": func(r rotate.Result) bool { return r.State == decide.StateQuarantine },
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.Lag{}, 40*settings.Day)
					l.RunUntil(40*settings.Day, ripe)
					l.User.Rename(to.path, to.name)
					first := l.OldKey.ID
					r := l.RunUntil(50*settings.Day, func(r rotate.Result) bool {
						l.RecordShown()
						return lab.Settled(r) && l.ShownID() != first && len(l.Cloud.Keys(l.User)) == 1
					})
					if n := l.CountCalls("CreateAccessKey"); n != 1 || r.NeedsPerson {
						t.Errorf("%d keys were created; %s: %s", n, r.State, r.Why)
					}
					l.CheckPromises()
				})
			})
		}
	}
}

// TestReusedUserNameGetsNoKeys: another user now has the name that keyd remembers. A
// key with enough permissions could create keys for that user by mistake.
func TestReusedUserNameGetsNoKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 40*settings.Day)
		l.Pass(rotate.Request{})
		l.AllowAll()
		l.User.Rename("/", "alicia")
		other := l.Cloud.AddUser(lab.Account, "/", "alice")
		l.RunUntil(70*settings.Day, func(r rotate.Result) bool { return lab.Settled(r) && l.ShownID() != l.OldKey.ID })
		if n := len(l.Cloud.Keys(other)) + len(l.Cloud.History(other)); n > 0 {
			t.Errorf("%d keys were created for the other user", n)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestHoldWorksForRenamedUser: AWS does not know the user by the old name, and keyd
// must not conclude that the old key is gone.
func TestHoldWorksForRenamedUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.AllowAll()
		l.User.Rename("/", "alicia")
		r, err := l.Rotator.Hold(t.Context(), "default")
		if err != nil || r.State != decide.StateHeld || r.Rotation.Deactivated != (time.Time{}) {
			t.Errorf("%s: %s (%v)", r.State, r.Why, err)
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
