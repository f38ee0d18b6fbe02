package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestAUserWhoIsRenamedOrMoved keeps the unique id and the keys: whatever keyd
// remembers, it finds the user again by itself.
func TestAUserWhoIsRenamedOrMoved(t *testing.T) {
	for name, to := range map[string]struct{ path, name string }{
		"to another path": {"/staff/", "alice"},
		"to another name": {"/", "alicia"},
	} {
		for when, ripe := range map[string]func(Result) bool{
			"before it is due":  func(r Result) bool { return settled(r) },
			"in the overlap":    func(r Result) bool { return r.State == StateOverlap },
			"in the quarantine": func(r Result) bool { return r.State == StateQuarantine },
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, awssim.Lag{}, 40*day)
					l.live(40*day, ripe)
					l.user.Rename(to.path, to.name)
					first := l.old.ID
					r := l.live(50*day, func(r Result) bool {
						l.watch()
						return settled(r) && l.shows() != first && len(l.cloud.Keys(l.user)) == 1
					})
					if n := l.count("CreateAccessKey"); n != 1 || r.NeedsPerson {
						t.Errorf("%d keys were made; %s: %s", n, r.State, r.Why)
					}
					l.safe()
				})
			})
		}
	}
}

// TestTheOldNameIsAnothersNow: a user with the rights to do so would be given
// keys that are not the person's own.
func TestTheOldNameIsAnothersNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 40*day)
		l.pass(Request{})
		l.allowAll()
		l.user.Rename("/", "alicia")
		other := l.cloud.AddUser(account, "/", "alice")
		l.live(70*day, func(r Result) bool { return settled(r) && l.shows() != l.old.ID })
		if n := len(l.cloud.Keys(other)) + len(l.cloud.History(other)); n > 0 {
			t.Errorf("the other user was given %d keys", n)
		}
		l.safe()
		l.oneKey()
	})
}

// TestHoldOfARenamedUser: AWS does not know the user by the old name, which must
// not be taken for an old key that is gone.
func TestHoldOfARenamedUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		l.allowAll()
		l.user.Rename("/", "alicia")
		r, err := l.d.Hold(t.Context(), "default")
		if err != nil || r.State != StateHeld || r.Rotation.Deactivated != (time.Time{}) {
			t.Errorf("%s: %s (%v)", r.State, r.Why, err)
		}
	})
}

// TestMendingNeverGivesAValidatedKeyUp: whatever AWS calls the user by then, the
// old key may be Inactive.
func TestMendingNeverGivesAValidatedKeyUp(t *testing.T) {
	const path = "arn:aws:iam::" + account + ":user/before/alice"
	for name, c := range map[string]struct {
		lie   func(*Rotation)
		mends bool
	}{
		"the user was moved":             {func(r *Rotation) { r.ARN = path }, true},
		"moved, and an older keyd's":     {func(r *Rotation) { r.ARN, r.UserID = path, "" }, true},
		"AWS says it is somebody else":   {func(r *Rotation) { r.UserID = "AIDAXXXXXXXXXXXXXXXX" }, false},
		"the journal of an older keyd's": {func(r *Rotation) { r.UserID, r.OpenRegions, r.ClosedRegions = "", nil, nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				start := l.text()
				l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
				l.rewrite(c.lie)
				l.write("credentials", start)
				r := l.pass(Request{})
				if mended := l.shows() != l.old.ID; mended != c.mends {
					t.Errorf("mended: %v; %s: %s", mended, r.State, r.Why)
				}
				if r.Rotation == nil || r.Rotation.GiveUpReason != "" || r.NeedsPerson == c.mends {
					t.Errorf("%s, needs a person: %v: %s", r.State, r.NeedsPerson, r.Why)
				}
			})
		})
	}
}

// allowAll makes an administrator of the user.
func (l *lab) allowAll() {
	l.t.Helper()
	if err := l.user.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`); err != nil {
		l.t.Fatal(err)
	}
}

// rewrite edits the journal.
func (l *lab) rewrite(edit func(*Rotation)) {
	l.t.Helper()
	rotations, errs := l.d.journalDir().Load(l.t.Context())
	if len(rotations) != 1 || len(errs) > 0 {
		l.t.Fatalf("%d journals, %v", len(rotations), errs)
	}
	edit(rotations[0])
	if err := l.d.journalDir().Save(rotations[0]); err != nil {
		l.t.Fatal(err)
	}
}
