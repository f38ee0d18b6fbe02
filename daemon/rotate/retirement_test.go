package rotate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// retireIn retires the key of a profile, and returns how it stands then.
func retireIn(t *testing.T, l *lab.Lab, profile string) rotate.Result {
	t.Helper()
	p, err := l.Rotator.PlanRetirement(t.Context(), profile, false)
	lab.Must(t, err)
	r, err := l.Rotator.Retire(t.Context(), p)
	lab.Must(t, err)
	return r
}

// checkRetired checks what is left of a retirement: no journal, the keys that are named, the
// file as it was, and no call about anybody else's key.
func checkRetired(t *testing.T, l *lab.Lab, file string, keys ...string) {
	t.Helper()
	left := l.KeyStatuses()
	for _, id := range keys {
		if left[id] != "Active" {
			t.Errorf("%s is %q", id, left[id])
		}
	}
	open, problems := l.Rotator.JournalDir().Load(t.Context())
	if len(left) != len(keys) || len(open)+len(problems) > 0 || l.ReadCredentials() != file {
		t.Errorf("left: %v, journals %v %v, file %q\n%s", left, open, problems, l.ReadCredentials(), strings.Join(l.Events, "\n"))
	}
	for _, c := range l.Cloud.ForeignCalls() {
		if c.Target != l.OldKey.ID {
			t.Errorf("%s of %s", c.Action, c.Target)
		}
	}
}

// TestRetirementEndsByItself: the key is Inactive at once and deleted after the quarantine,
// by the daemon alone. Then the helper deletes itself, and the key in the file needs
// nobody. The key signs nothing once it is Inactive, and costs few calls.
func TestRetirementEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		lab.Must(t, l.User.UseKeyAgo(l.OldKey.ID, "s3", "eu-west-1", 60*settings.Day))
		file := l.ReadCredentials()
		if r := retireIn(t, l, "work"); r.State != decide.StateRetiring || l.KeyStatuses()[l.OldKey.ID] != "Inactive" || !strings.Contains(r.Why, "keyd hold default") {
			t.Fatalf("%s: %s; %v", r.State, r.Why, l.KeyStatuses())
		}
		began, calls := time.Now(), len(l.Cloud.Calls())
		r := l.RunUntil(8*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateSkipped })
		if lasted := time.Since(began); lasted < 7*settings.Day || !strings.HasPrefix(r.Why, "retired on ") || r.NeedsPerson {
			t.Errorf("after %s: %s", lasted, r.Why)
		}
		checkRetired(t, l, file)
		after := l.Cloud.Calls()[calls:]
		for _, c := range after {
			if c.KeyID == l.OldKey.ID {
				t.Errorf("%s was signed with the inactive key", c.Action)
			}
		}
		if len(after) > 40 {
			t.Errorf("%d calls in a week", len(after))
		}
		calls = len(l.Cloud.Calls())
		time.Sleep(100 * settings.Day)
		l.Restart()
		if r := l.Pass(rotate.Request{}); r.State != decide.StateSkipped || len(l.Cloud.Calls()) != calls {
			t.Errorf("%s: %s; %d calls", r.State, r.Why, len(l.Cloud.Calls())-calls)
		}
	})
}

// TestRetirementSignedByAnotherProfile: the other key of the user, which a profile shows,
// signs everything. No key is made, nothing happens to that key, and its own rotation
// goes on afterwards.
func TestRetirementSignedByAnotherProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		id, secret := l.User.AddKey(40 * settings.Day)
		l.WriteFile("credentials", l.ReadCredentials()+fmt.Sprintf("[mine]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
		file := l.ReadCredentials()
		retireIn(t, l, "default")
		l.RunUntil(8*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateSkipped })
		checkRetired(t, l, file, id)
		if n := l.CountCalls("CreateAccessKey"); n != 0 {
			t.Errorf("%d keys were made", n)
		}
	})
}

// TestHoldEndsARetirement: the old key works again, also when a person has taken it out of
// the files meanwhile, and nothing else is left.
func TestHoldEndsARetirement(t *testing.T) {
	for _, seed := range []uint64{16, 17} { // with 16, a server of AWS learns late that the old key works again
		removed := seed%2 == 1
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewInMemory(t, time.Now)
			l.Seed = seed
			l.SetUp(awssim.RealLag(), 50*settings.Day)
			retireIn(t, l, "default")
			time.Sleep(3 * settings.Day)
			if removed {
				id, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(settings.Day)
				l.WriteFile("credentials", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
				l.RecordShown()
			}
			file := l.ReadCredentials()
			r, err := l.Rotator.Hold(t.Context(), "work")
			if err != nil || r.NeedsPerson || r.Rotation != nil {
				t.Fatalf("%v %s: %s (%v)", err, r.State, r.Why, r.Err)
			}
			checkRetired(t, l, file, l.OldKey.ID)
			time.Sleep(time.Minute)
			if !l.Cloud.IsUsable(l.OldKey.ID, l.OldKey.Secret.Reveal()) {
				t.Error("the old key is not usable")
			}
		})
	}
}

// TestRetirementLeavesLinkedFiles: a linked file that shows the key stays as it is, like the
// credentials file, and the journal does not know of it. That the key stands there is told
// before the person agrees.
func TestRetirementLeavesLinkedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
		text := "AWS_ACCESS_KEY_ID=" + l.OldKey.ID + "\nAWS_SECRET_ACCESS_KEY=" + l.OldKey.Secret.Reveal() + "\n"
		l.WriteFile("app.env", text)
		path := filepath.Join(l.Home, "app.env")
		l.Rotator.Settings.Links = []settings.Link{{Path: path}}
		l.Rotator.Search = func(_ context.Context, ids []string) []decide.Copies {
			return []decide.Copies{{KeyID: ids[0], Files: []decide.CopyFile{{Path: path, Line: 1}}}}
		}
		p, err := l.Rotator.PlanRetirement(t.Context(), "default", false)
		if err != nil || p.Found == nil || p.Found.Files[0].Path != path {
			t.Fatalf("%+v, %v", p.Found, err)
		}
		file := l.ReadCredentials()
		if r, err := l.Rotator.Retire(t.Context(), p); err != nil || r.State != decide.StateRetiring || len(r.Rotation.Links) > 0 {
			t.Fatalf("%v %s: %s", err, r.State, r.Why)
		}
		l.RunUntil(8*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateSkipped })
		checkRetired(t, l, file)
		if now, err := atomicfile.Peek(l.Sys, path); err != nil || string(now) != text {
			t.Errorf("%v: %s", err, now)
		}
	})
}

// TestUseBeforeItIsInactive: between the question and the end of the key, someone uses it.
// It stays.
func TestUseBeforeItIsInactive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
		file := l.ReadCredentials()
		p, err := l.Rotator.PlanRetirement(t.Context(), "default", false)
		lab.Must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		hear := l.Rotator.OnEvent
		l.Rotator.OnEvent = func(e rotate.Event) {
			if hear(e); e.Verb == rotate.VerbCreated {
				cancel() // Ctrl-C, or the lid is closed
			}
		}
		if _, err := l.Rotator.Retire(ctx, p); l.KeyStatuses()[l.OldKey.ID] != "Active" {
			t.Fatalf("%v, %v", err, l.KeyStatuses())
		}
		time.Sleep(20 * time.Minute) // AWS records the first of several uses within 15 minutes, and that was keyd's
		lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
		time.Sleep(5 * time.Hour)
		l.Pass(rotate.Request{})
		checkRetired(t, l, file, l.OldKey.ID)
		if told := strings.Join(l.Events, "\n"); !strings.Contains(told, "is not retired: it was used by s3 in eu-west-1") {
			t.Error(told)
		}
	})
}

// TestDeadHelper: someone ends the helper while the old key is Inactive. Nobody here can
// sign then, so a person is told what to do in the console, and both ways lead to an end.
func TestDeadHelper(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
			file := l.ReadCredentials()
			r := retireIn(t, l, "default")
			time.Sleep(2 * settings.Day)
			lab.Must(t, l.User.SetStatus(r.Rotation.New.ID, "Inactive"))
			time.Sleep(time.Minute)
			if r = l.Pass(rotate.Request{}); r.Do != decide.DoBlock || !strings.Contains(r.Hint, "then: keyd resume default") || !strings.HasSuffix(r.Hint, "then: keyd hold default") {
				t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
			}
			if wanted {
				lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active"))
				time.Sleep(time.Minute)
				_, err := l.Rotator.Hold(t.Context(), "default")
				lab.Must(t, err)
				checkRetired(t, l, file, l.OldKey.ID)
				return
			}
			lab.Must(t, l.User.DeleteKey(l.OldKey.ID))
			lab.Must(t, l.User.DeleteKey(r.Rotation.New.ID))
			time.Sleep(time.Minute)
			r, err := l.Rotator.Resume(t.Context(), "default")
			if err != nil || r.State != decide.StateSkipped {
				t.Errorf("%v %s: %s (%v)", err, r.State, r.Why, r.Err)
			}
			checkRetired(t, l, file)
		})
	}
}

// TestRetirementOfAKeyThatIsActiveAgain: someone makes the old key Active in its quarantine.
// It is not deleted, a person is asked, and both commands that are named help.
func TestRetirementOfAKeyThatIsActiveAgain(t *testing.T) {
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.RealLag(), 20*settings.Day)
			file := l.ReadCredentials()
			retireIn(t, l, "default")
			time.Sleep(time.Hour)
			lab.Must(t, l.User.SetStatus(l.OldKey.ID, "Active"))
			r := l.RunUntil(9*settings.Day, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
			if r.Hint != "to keep it: keyd hold default; to retire it: keyd rotate --retire-now default" {
				t.Fatalf("%s; %s", r.Why, r.Hint)
			}
			if keep {
				_, err := l.Rotator.Hold(t.Context(), "default")
				lab.Must(t, err)
				checkRetired(t, l, file, l.OldKey.ID)
				return
			}
			if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.State != decide.StateRetiring {
				t.Fatalf("%s: %s", r.State, r.Why)
			}
			l.RunUntil(8*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateSkipped })
			checkRetired(t, l, file)
		})
	}
}

// TestRetireRefuses: a key that may be in use, and one whose use is unknown, stay as they
// are, and nothing is created. Reading the use does not make the key look used.
func TestRetireRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
		lab.Must(t, l.User.UseKeyAgo(l.OldKey.ID, "s3", "eu-west-1", 20*time.Hour))
		for range 2 {
			if _, err := l.Rotator.PlanRetirement(t.Context(), "default", false); err == nil || !strings.Contains(err.Error(), "was used 20h ago by s3 in eu-west-1") {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * settings.Day)
		p, err := l.Rotator.PlanRetirement(t.Context(), "default", false)
		if err != nil || p.LastUse == nil || p.LastUse.Service != "s3" {
			t.Fatalf("keyd's own question counts as a use: %+v, %v", p, err)
		}
		l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed)
		if _, err := l.Rotator.Retire(t.Context(), p); err == nil || !strings.Contains(err.Error(), "does not tell whether") {
			t.Fatal(err)
		}
		if n := l.CountCalls("CreateAccessKey") + l.CountCalls("UpdateAccessKey"); n != 0 {
			t.Errorf("%d calls that change something", n)
		}
		forced, err := l.Rotator.PlanRetirement(t.Context(), "default", true)
		lab.Must(t, err)
		if r, err := l.Rotator.Retire(t.Context(), forced); err != nil || r.State != decide.StateRetiring {
			t.Errorf("%v %s: %s", err, r.State, r.Why)
		}
	})
}

// TestRetiredKeyIsSaidSo: once the journal is gone, the history alone says that the key in
// the file was retired, also where its end cannot be read quickly.
func TestRetiredKeyIsSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 50*settings.Day)
		lab.Must(t, l.User.DeleteKey(l.OldKey.ID))
		h := state.OpenHistory(l.Rotator.StateDir, l.Sys)
		l.Pass(rotate.Request{}) // makes the folder
		lab.Must(t, h.Append(state.HistoryEntry{Time: time.Now(), Verb: rotate.VerbDeleted, KeyID: l.OldKey.ID, Text: state.RetiredNote}))
		calls := len(l.Cloud.Calls())
		if r := l.Pass(rotate.Request{}); r.State != decide.StateSkipped || !strings.HasPrefix(r.Why, "retired on ") || len(l.Cloud.Calls()) != calls {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		lab.Must(t, h.Append(state.HistoryEntry{Time: time.Now(), Verb: "other", Text: strings.Repeat("x", 300<<10)}))
		if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}}); r.Why != "keyd deleted "+credfile.Short(l.OldKey.ID)+" on 1 Jan 2000, because a person had retired it" || r.Hint != "take default out of the files" {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
	})
}
