package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// doubtful is a lab in which an answer to CreateAccessKey was lost, and a key
// of somebody's was made later, when it could be either's.
func doubtful(t *testing.T, when awssim.When) (l *lab, foreign, foreignSecret string) {
	t.Helper()
	l = newLab(t, awssim.Lag{}, 70*day)
	l.cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: when, Times: 1})
	l.pass(Request{})
	time.Sleep(5 * time.Minute)
	foreign, foreignSecret = l.user.CreateKey()
	r := l.live(day, func(r Result) bool { return r.State == StateBlocked })
	if !strings.Contains(r.Hint, "keyd prune default AKIA") || !slices.Contains(r.Rotation.Suspects, foreign) {
		t.Fatalf("run: %s; %+v", r.Hint, r.Rotation)
	}
	return l, foreign, foreignSecret
}

// pruned does what keyd prune default ID does after it has asked.
func (l *lab) pruned(id string, active bool) {
	l.t.Helper()
	p, err := l.d.FindSecondKey(l.t.Context(), "default", id)
	if err != nil || p.KeyID != id || p.Active != active || !p.Suspect || p.LastUse == nil {
		l.t.Fatalf("%+v, %v", p, err)
	}
	must(l.t, l.d.Prune(l.t.Context(), p))
}

func (l *lab) statuses() map[string]string {
	all := map[string]string{}
	for _, k := range l.cloud.Keys(l.user) {
		all[k.ID] = k.Status
	}
	return all
}

func TestAPersonSaysThatNobodyNeedsTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := doubtful(t, awssim.Before)
		start := l.text()
		l.pruned(foreign, true)
		if r := l.pass(Request{}); r.State != StateBlocked || l.statuses()[foreign] != "Inactive" || l.statuses()[l.old.ID] != "Active" {
			t.Errorf("%s: %s; %v", r.State, r.Why, l.statuses())
		}
		l.pruned(foreign, false)
		if l.text() != start {
			t.Error("the file changed")
		}
		if r := l.pass(Request{}); r.Rotation == nil || r.Rotation.Old.ID != l.old.ID || r.State != StateOverlap {
			t.Errorf("the rotation does not go on: %s, %s", r.State, r.Why)
		}
		for _, c := range l.cloud.ForeignCalls() {
			if c.Target != foreign {
				t.Errorf("%s %s", c.Action, c.Target)
			}
		}
		l.live(20*day, settled)
		l.oneKey()
		l.onlyValues(start)
		if out := l.cloud.Outage(l.held, time.Now()); out > 0 {
			t.Errorf("the pair in the file was refused for %s", out)
		}
	})
}

// TestOneOfTwoKeysIsNobodys: the other one is somebody's, who takes it away.
func TestOneOfTwoKeysIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := doubtful(t, awssim.After)
		lost := ""
		for id := range l.statuses() {
			if id != l.old.ID && id != foreign {
				lost = id
			}
		}
		l.pruned(lost, true)
		l.pruned(lost, false)
		r := l.pass(Request{})
		if r.State != StateBlocked || !slices.Equal(r.Rotation.Suspects, []string{foreign}) || strings.Contains(r.Why, "0001") {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
		if l.statuses()[foreign] != "Active" {
			t.Errorf("%v", l.statuses())
		}
		must(t, l.user.DeleteKey(foreign))
		if _, err := l.d.Resume(t.Context(), "default"); err != nil {
			t.Error(err)
		}
		l.live(20*day, settled)
		l.oneKey()
	})
}

func TestWhatIsNotPrunedWhileARotationWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, secret := doubtful(t, awssim.Before)
		before := l.statuses()
		refused := func(id, says string) {
			t.Helper()
			if p, err := l.d.FindSecondKey(t.Context(), "default", id); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %+v, %v", id, p, err)
			}
		}
		refused("", "keyd cannot tell whether the call made")
		refused("AKIAIOSFODNN7EXAMPLE", "keyd cannot tell whether the call made")
		refused(l.old.ID, "is the key that default uses")
		p, err := l.d.FindSecondKey(t.Context(), "default", foreign)
		must(t, err)
		l.write("credentials", l.text()+"[bob]\naws_access_key_id = "+foreign+"\naws_secret_access_key = "+secret+"\n")
		refused(foreign, "is the key that bob uses")
		if err := l.d.Prune(t.Context(), p); err == nil {
			t.Error("it was pruned although a profile has come to show it")
		}
		if now := l.statuses(); len(now) != 2 || now[foreign] != before[foreign] || now[l.old.ID] != "Active" {
			t.Errorf("%v", now)
		}
	})
}

// TestAPruneThatFailsIsAskedAgain: the journal has forgotten the question, and
// finds it again.
func TestAPruneThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := doubtful(t, awssim.Before)
		l.pruned(foreign, true)
		p, err := l.d.FindSecondKey(t.Context(), "default", foreign)
		must(t, err)
		l.user.DenyAction("iam:DeleteAccessKey", awssim.NotAllowed)
		if err := l.d.Prune(t.Context(), p); err == nil {
			t.Fatal("it was not allowed")
		}
		r := l.pass(Request{})
		if r.State != StateBlocked || !slices.Equal(r.Rotation.Suspects, []string{foreign}) {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
		l.user.LiftDeny("iam:DeleteAccessKey")
		l.pruned(foreign, false)
		l.live(20*day, settled)
		l.oneKey()
	})
}

// TestPruneSignsNothingWithAKeyThatIsLeftAlone: one call with a decoy raises its
// alarm.
func TestPruneSignsNothingWithAKeyThatIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, account := range map[string]string{"never_accounts": account, "decoy": "052310077262"} {
			l := newLab(t, awssim.Lag{}, 70*day)
			user := l.cloud.AddUser(account, "/", "carol")
			id, secret := user.AddKey(70 * day)
			second, _ := user.AddInactiveKey(100 * day)
			l.write("credentials", "[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
			if name == "never_accounts" {
				l.d.Settings.NeverAccounts = []string{account}
			}
			p, err := l.d.FindSecondKey(t.Context(), "default", "")
			if err == nil || !strings.Contains(err.Error(), account) {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
			if err := l.d.Prune(t.Context(), PruneCandidate{Profile: "default", KeyID: second, User: "carol"}); err == nil {
				t.Errorf("%s: it was pruned", name)
			}
			if calls := l.cloud.Calls(); len(calls) > 0 {
				t.Errorf("%s: %d calls, the first is %s", name, len(calls), calls[0].Action)
			}
		}
	})
}

// TestPruneChangesNothingInAnExcludedAccount, also when the id does not tell the
// account, and AWS is the first to name it.
func TestPruneChangesNothingInAnExcludedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		second, _ := l.user.AddInactiveKey(100 * day)
		p, err := l.d.FindSecondKey(t.Context(), "default", "")
		must(t, err)
		l.d.Settings.NeverAccounts = []string{account}
		if err := l.d.lookToPruneAs(t.Context(), "AKIAIOSFODNN7EXAMPLE", l.old); err == nil || !strings.Contains(err.Error(), "never_accounts") {
			t.Errorf("%v", err)
		}
		if err := l.d.Prune(t.Context(), p); err == nil || l.statuses()[second] == "" {
			t.Errorf("%v, %v", err, l.statuses())
		}
	})
}
