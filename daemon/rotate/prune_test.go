package rotate_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// newSuspectLab returns a lab in which the answer to CreateAccessKey was lost, and someone
// created a key soon after, so that keyd cannot tell whose it is.
func newSuspectLab(t *testing.T, when awssim.When) (l *lab.Lab, foreign, foreignSecret string) {
	t.Helper()
	l = lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
	l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: when, Times: 1})
	l.Pass(rotate.Request{})
	time.Sleep(5 * time.Minute)
	foreign, foreignSecret = l.User.CreateKey()
	r := l.RunUntil(settings.Day, func(r rotate.Result) bool { return r.State == decide.StateBlocked })
	if !strings.Contains(r.Hint, "keyd prune default AKIA") || !slices.Contains(r.Rotation.Suspects, foreign) {
		t.Fatalf("run: %s; %+v", r.Hint, r.Rotation)
	}
	return l, foreign, foreignSecret
}

func TestPruneOfSuspectContinuesRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := newSuspectLab(t, awssim.Before)
		start := l.ReadCredentials()
		l.PruneByID(foreign, true)
		if r := l.Pass(rotate.Request{}); r.State != decide.StateBlocked || l.KeyStatuses()[foreign] != "Inactive" || l.KeyStatuses()[l.OldKey.ID] != "Active" {
			t.Errorf("%s: %s; %v", r.State, r.Why, l.KeyStatuses())
		}
		l.PruneByID(foreign, false)
		if l.ReadCredentials() != start {
			t.Error("the file changed")
		}
		if r := l.Pass(rotate.Request{}); r.Rotation == nil || r.Rotation.Old.ID != l.OldKey.ID || r.State != decide.StateOverlap {
			t.Errorf("the rotation does not continue: %s, %s", r.State, r.Why)
		}
		for _, c := range l.Cloud.ForeignCalls() {
			if c.Target != foreign {
				t.Errorf("%s %s", c.Action, c.Target)
			}
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckOneKey()
		l.CheckOtherBytes(start)
		if out := l.Cloud.Outage(l.Shown, time.Now()); out > 0 {
			t.Errorf("the pair in the file was refused for %s", out)
		}
	})
}

// TestPruneOfOneSuspectKeepsTheOther: the other one belongs to someone, who
// deletes it later.
func TestPruneOfOneSuspectKeepsTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := newSuspectLab(t, awssim.After)
		lost := ""
		for id := range l.KeyStatuses() {
			if id != l.OldKey.ID && id != foreign {
				lost = id
			}
		}
		l.PruneByID(lost, true)
		l.PruneByID(lost, false)
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateBlocked || !slices.Equal(r.Rotation.Suspects, []string{foreign}) || strings.Contains(r.Why, "0001") {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
		if l.KeyStatuses()[foreign] != "Active" {
			t.Errorf("%v", l.KeyStatuses())
		}
		lab.Must(t, l.User.DeleteKey(foreign))
		if _, err := l.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Error(err)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckOneKey()
	})
}

func TestPruneRefusesUsedAndUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, secret := newSuspectLab(t, awssim.Before)
		before := l.KeyStatuses()
		refused := func(id, says string) {
			t.Helper()
			if p, err := l.Rotator.FindSecondKey(t.Context(), "default", id); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %+v, %v", id, p, err)
			}
		}
		refused("", "keyd cannot tell whether the call made")
		refused("AKIAIOSFODNN7EXAMPLE", "keyd cannot tell whether the call made")
		refused(l.OldKey.ID, "is the key that default uses")
		p, err := l.Rotator.FindSecondKey(t.Context(), "default", foreign)
		lab.Must(t, err)
		l.WriteFile("credentials", l.ReadCredentials()+"[bob]\naws_access_key_id = "+foreign+"\naws_secret_access_key = "+secret+"\n")
		refused(foreign, "is the key that bob uses")
		if err := l.Rotator.Prune(t.Context(), p); err == nil {
			t.Error("the key was pruned although a profile shows it now")
		}
		if now := l.KeyStatuses(); len(now) != 2 || now[foreign] != before[foreign] || now[l.OldKey.ID] != "Active" {
			t.Errorf("%v", now)
		}
	})
}

// TestFailedPruneIsOfferedAgain: the journal no longer names the suspect, and the next
// pass finds it again.
func TestFailedPruneIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, foreign, _ := newSuspectLab(t, awssim.Before)
		l.PruneByID(foreign, true)
		p, err := l.Rotator.FindSecondKey(t.Context(), "default", foreign)
		lab.Must(t, err)
		l.User.DenyAction("iam:DeleteAccessKey", awssim.NotAllowed)
		if err := l.Rotator.Prune(t.Context(), p); err == nil {
			t.Fatal("the denied prune reported success")
		}
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateBlocked || !slices.Equal(r.Rotation.Suspects, []string{foreign}) {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
		l.User.LiftDeny("iam:DeleteAccessKey")
		l.PruneByID(foreign, false)
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckOneKey()
	})
}

// TestPruneNeverSignsWithSkippedKey: a single call with a decoy key raises
// an alarm.
func TestPruneNeverSignsWithSkippedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, account := range map[string]string{"never_accounts": lab.Account, "decoy": "052310077262"} {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			user := l.Cloud.AddUser(account, "/", "carol")
			id, secret := user.AddKey(70 * settings.Day)
			second, _ := user.AddInactiveKey(100 * settings.Day)
			l.WriteFile("credentials", "[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
			if name == "never_accounts" {
				l.Rotator.Settings.NeverAccounts = []string{account}
			}
			p, err := l.Rotator.FindSecondKey(t.Context(), "default", "")
			if err == nil || !strings.Contains(err.Error(), account) {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
			if err := l.Rotator.Prune(t.Context(), rotate.PruneCandidate{Profile: "default", KeyID: second, User: "carol"}); err == nil {
				t.Errorf("%s: the key was pruned", name)
			}
			if calls := l.Cloud.Calls(); len(calls) > 0 {
				t.Errorf("%s: %d calls, the first is %s", name, len(calls), calls[0].Action)
			}
		}
	})
}

// TestPruneChangesNothingInExcludedAccount checks never_accounts, even if the id does not
// show the account and only AWS names it.
func TestPruneChangesNothingInExcludedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		second, _ := l.User.AddInactiveKey(100 * settings.Day)
		p, err := l.Rotator.FindSecondKey(t.Context(), "default", "")
		lab.Must(t, err)
		l.Rotator.Settings.NeverAccounts = []string{lab.Account}
		if err := l.Rotator.LookToPruneAs(t.Context(), "AKIAIOSFODNN7EXAMPLE", l.OldKey); err == nil || !strings.Contains(err.Error(), "never_accounts") {
			t.Errorf("%v", err)
		}
		if err := l.Rotator.Prune(t.Context(), p); err == nil || l.KeyStatuses()[second] == "" {
			t.Errorf("%v, %v", err, l.KeyStatuses())
		}
	})
}

func TestSecondKeyIsKeptUnlessAllowed(t *testing.T) {
	for _, active := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			second, _ := l.User.AddInactiveKey(300 * settings.Day)
			if active {
				if err := l.User.SetStatus(second, "Active"); err != nil {
					t.Fatal(err)
				}
			}
			run := "keyd prune default"
			if active {
				run = "if another machine uses it (never used), give each machine its own IAM user: keyd policy --second-user default; only if no one needs it, deactivate it: keyd prune default " + second
			}
			l.Pass(rotate.Request{})
			time.Sleep(time.Minute)
			r := l.Pass(rotate.Request{})
			if r.State != decide.StateBlocked || r.Hint != run || !strings.Contains(r.Why, credfile.Short(second)) {
				t.Errorf("%s: %s, run %q", r.State, r.Why, r.Hint)
			}
			if n := len(l.Cloud.Keys(l.User)); n != 2 || l.CountCalls("CreateAccessKey") != 0 {
				t.Errorf("%d keys, %d created", n, l.CountCalls("CreateAccessKey"))
			}
			l.Rotator.Settings.PruneInactiveAfter = 90 * settings.Day
			time.Sleep(2 * settings.Day)
			r = l.Pass(rotate.Request{})
			if pruned := r.State == decide.StateOverlap; pruned == active {
				t.Errorf("active %v, prune_inactive_after set: %s, %s", active, r.State, r.Why)
			}
		})
	}
}

// TestNewerKeyIsNotPruned: a second key that is newer than the file's, or of today, may
// be the one that another machine has made. It is not pruned, not even by name, nor by
// who decided before that.
func TestNewerKeyIsNotPruned(t *testing.T) {
	for name, age := range map[string]time.Duration{"of a minute ago": time.Minute, "newer": 20 * settings.Day, "older, but of today": 23 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				own := 70 * settings.Day
				if age == 23*time.Hour {
					own = time.Hour
				}
				l := lab.NewLab(t, awssim.Lag{}, own)
				second, _ := l.User.AddKey(age)
				for _, id := range []string{"", second} {
					p, err := l.Rotator.FindSecondKey(t.Context(), "default", id)
					if err == nil || !rotate.NeedsPerson(err) || !strings.Contains(err.Error(), "locked out; not pruned") {
						t.Errorf("%q: %+v, %v", id, p, err)
					}
				}
				if err := l.Rotator.Prune(t.Context(), rotate.PruneCandidate{Profile: "default", KeyID: second, User: "alice", Active: true}); err == nil || l.KeyStatuses()[second] != "Active" {
					t.Errorf("%v; %v", err, l.KeyStatuses())
				}
				lab.Must(t, l.User.SetStatus(second, "Inactive")) // the way that the hint shows
				p, err := l.Rotator.FindSecondKey(t.Context(), "default", "")
				if err != nil || l.Rotator.Prune(t.Context(), p) != nil || l.KeyStatuses()[second] != "" {
					t.Errorf("inactive: %v; %v", err, l.KeyStatuses())
				}
			})
		})
	}
}

// TestRotationAfterPruneWaitsForTheSlot: who prunes a key and rotates at once, as the hint
// says, is not told that somebody else has taken the slot. AWS's count lags like its lists.
func TestRotationAfterPruneWaitsForTheSlot(t *testing.T) {
	for _, seed := range []uint64{1, 4} { // with 4, the count lags
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewInMemory(t, time.Now)
			l.Seed = seed
			l.SetUp(quick, 70*settings.Day)
			second, _ := l.User.AddKey(80 * settings.Day)
			lab.Must(t, l.User.SetStatus(second, "Inactive"))
			l.Pass(rotate.Request{})
			time.Sleep(time.Minute)
			p, err := l.Rotator.FindSecondKey(t.Context(), "default", second)
			lab.Must(t, err)
			lab.Must(t, l.Rotator.Prune(t.Context(), p))
			if r := l.PassOnce(byHand); r.State != decide.StateOverlap || l.CountCalls("CreateAccessKey") != 1 {
				t.Errorf("seed %d: %s: %s, after %d CreateAccessKey", l.Seed, r.State, r.Why, l.CountCalls("CreateAccessKey"))
			}
		})
	}
}
