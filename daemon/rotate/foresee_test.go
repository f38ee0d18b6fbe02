package rotate_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// previewed are states of a key in which a person may ask for a preview.
var previewed = []struct {
	name    string
	age     time.Duration
	arrange func(*lab.Lab)
}{
	{"young", 10 * settings.Day, nil},
	{"due", 100 * settings.Day, nil},
	{"excluded", 100 * settings.Day, func(l *lab.Lab) { excludeWork(l) }},
	{"account excluded", 100 * settings.Day, func(l *lab.Lab) { l.Rotator.Settings.NeverAccounts = []string{lab.Account} }},
	{"an inactive second key", 100 * settings.Day, func(l *lab.Lab) {
		l.User.AddInactiveKey(90 * settings.Day)
	}},
	{"an active second key", 100 * settings.Day, func(l *lab.Lab) { l.User.AddKey(200 * settings.Day) }},
	{"another machine's key", 100 * settings.Day, func(l *lab.Lab) { l.User.CreateKey() }},
	{"deactivation denied", 100 * settings.Day, func(l *lab.Lab) { l.User.DenyAction("UpdateAccessKey", awssim.NotAllowed) }},
	{"list denied", 100 * settings.Day, func(l *lab.Lab) { l.User.DenyAction("ListAccessKeys", awssim.NotAllowed) }},
	{"no network", 100 * settings.Day, func(l *lab.Lab) { l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS}) }},
	{"unused, and only reported", 100 * settings.Day, func(l *lab.Lab) { l.Rotator.Settings.Unused = settings.UnusedReport }},
	{"half a pair", 100 * settings.Day, func(l *lab.Lab) {
		l.WriteFile("credentials", strings.Replace(l.ReadCredentials(), "\naws_secret_access_key=", "\n# aws_secret_access_key=", 1))
	}},
	{"overlap", 100 * settings.Day, func(l *lab.Lab) { rotateOnce(l) }},
	{"overlap, a day later", 100 * settings.Day, func(l *lab.Lab) { rotateOnce(l); time.Sleep(settings.Day + 5*time.Hour) }},
	{"overlap, still used", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		time.Sleep(20 * time.Hour)
		lab.Must(l.T, l.Cloud.AskEC2(l.OldKey.ID, l.OldKey.Secret.Reveal(), "eu-west-1"))
		time.Sleep(5 * time.Hour)
	}},
	{"overlap, excluded", 100 * settings.Day, func(l *lab.Lab) { rotateOnce(l); excludeWork(l) }},
	{"overlap, old text back", 100 * settings.Day, func(l *lab.Lab) {
		old := l.ReadCredentials()
		rotateOnce(l)
		l.WriteFile("credentials", old)
	}},
	{"overlap, another key in the file", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.WriteFile("credentials", strings.ReplaceAll(l.ReadCredentials(), l.ShownID(), "AKIAIOSFODNN7EXAMPLE"))
	}},
	{"held", 100 * settings.Day, func(l *lab.Lab) { rotateOnce(l); hold(l) }},
	{"quarantine", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
	}},
	{"quarantine, over", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		time.Sleep(8 * settings.Day)
	}},
	{"quarantine, held", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		hold(l)
	}},
	{"quarantine, hold not carried out", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		l.EditJournal(func(r *journal.Rotation) { r.Held = l.Now() })
	}},
	{"quarantine, old key active again", 100 * settings.Day, func(l *lab.Lab) {
		rotateOnce(l)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		lab.Must(l.T, l.User.SetStatus(l.OldKey.ID, "Active"))
	}},
	{"retiring", 100 * settings.Day, func(l *lab.Lab) {
		p, err := l.Rotator.PlanRetirement(l.T.Context(), "work", true)
		lab.Must(l.T, err)
		_, err = l.Rotator.Retire(l.T.Context(), p)
		lab.Must(l.T, err)
	}},
	{"new key not yet in the file", 100 * settings.Day, func(l *lab.Lab) {
		l.Rotator.Pass(l.T.Context(), rotate.Request{}) // the daemon waits until the new key is old enough
	}},
}

func excludeWork(l *lab.Lab) {
	l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"work": settings.Never}
}

func rotateOnce(l *lab.Lab) {
	l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true}})
}

func hold(l *lab.Lab) {
	_, err := l.Rotator.Hold(l.T.Context(), "work")
	lab.Must(l.T, err)
}

// TestPreviewSaysWhatHappens: in every state and with every combination of flags, a dry run
// foresees the actions that the pass then takes, and how the key stands at its end, with
// the same reason and the same hint; and it changes nothing. Without KEYD_DEEP=1 each state
// meets one of the six combinations.
func TestPreviewSaysWhatHappens(t *testing.T) {
	flags := map[string]decide.Options{
		"": {}, "--force": {Force: true}, "--retire-now": {RetireNow: true}, "--delete-now": {RetireNow: true, DeleteNow: true},
		"--force --retire-now": {Force: true, RetireNow: true}, "--force --delete-now": {Force: true, RetireNow: true, DeleteNow: true},
	}
	for i, p := range previewed {
		for j, name := range slices.Sorted(maps.Keys(flags)) {
			if !deeptest.On() && (i+j)%6 != 0 {
				continue
			}
			ask := flags[name]
			t.Run(strings.TrimSpace(p.name+" "+name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewInMemory(t, time.Now)
					l.SetUp(awssim.Lag{}, p.age)
					if p.arrange != nil {
						p.arrange(l)
					}
					ask.Manual = true
					before, keys := l.ReadCredentials(), l.Cloud.Keys(l.User)
					preview := l.PassOnce(rotate.Request{Options: ask, DryRun: true})
					if l.ReadCredentials() != before || !slices.EqualFunc(keys, l.Cloud.Keys(l.User), func(a, b awssim.KeyState) bool { return a.ID == b.ID && a.Status == b.Status }) {
						t.Fatal("the preview has changed something")
					}
					l.Log.Reset()
					if preview.Err != nil { // keyd has signed, so another call would be the first to fail
						lab.Must(t, l.Sys.Remove(state.MemoryPath(l.Rotator.StateDir)))
					}
					real := l.PassOnce(rotate.Request{Options: ask})
					checkForesight(t, preview, real, l)
				})
			})
		}
	}
}

// checkForesight compares a preview with the pass that followed it.
func checkForesight(t *testing.T, preview, real rotate.Result, l *lab.Lab) {
	t.Helper()
	foreseen, end := []string{}, decide.Decision{State: preview.State, Why: preview.Why, Hint: preview.Hint}
	if !decide.ActionOf(preview.Do).EndsPass && preview.Err == nil {
		for _, step := range preview.Foresight.Steps {
			foreseen = append(foreseen, string(step.Do))
		}
		end = preview.Foresight.End
	}
	var taken []string
	for _, m := range regexp.MustCompile(`msg=decided .* do=("[^"]+"|\S+)`).FindAllStringSubmatch(l.Log.String(), -1) {
		taken = append(taken, strings.Trim(m[1], `"`))
	}
	effects := func(all []string) []string {
		return slices.Compact(slices.DeleteFunc(all, func(do string) bool {
			return slices.Contains([]string{"look", "preflight", "wait", "blocked", "skip"}, do)
		}))
	}
	if foreseen, taken = effects(foreseen), effects(taken); !slices.Equal(foreseen, taken) {
		t.Errorf("foreseen: %v\ntaken:    %v\nend: %s %s", foreseen, taken, real.State, real.Why)
	}
	if fmt.Sprint(preview.Err) != fmt.Sprint(real.Err) {
		t.Errorf("the preview fails with %v, the pass with %v", preview.Err, real.Err)
	}
	if preview.Foresight.Open {
		return
	}
	why := strings.ReplaceAll(real.Why, credfile.Short(l.ShownID()), "new key")
	end.Why = strings.ReplaceAll(end.Why, credfile.Short(l.ShownID()), "new key")
	if end.State != real.State || end.Why != why && !strings.Contains(why, "replaced at") || end.Hint != real.Hint {
		t.Errorf("foreseen: %s: %s (%s)\nreal:     %s: %s (%s)", end.State, end.Why, end.Hint, real.State, why, real.Hint)
	}
}
