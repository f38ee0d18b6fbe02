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
