package decide

import (
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestNextRunsHooks specifies when a hook runs, and what waits for it.
func TestNextRunsHooks(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const old, fresh = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW2"
	hook := settings.Hook{Name: "github", Command: []string{"gh"}, Required: true, Timeout: time.Minute, Secrets: "stdin", Format: "json"}
	optional, restart := hook, settings.Hook{Name: "restart", Command: []string{"docker"}, Timeout: time.Minute, Secrets: "none", Format: "json"}
	optional.Required = false
	of := func(edit ...func(*journal.HookState)) func(*Facts) {
		return func(f *Facts) {
			h := journal.HookState{Name: "github", Digest: hook.Digest(), KeyID: fresh}
			for _, e := range edit {
				e(&h)
			}
			f.Rotation.Hooks = append(f.Rotation.Hooks, h)
		}
	}
	delivered := func(h *journal.HookState) { h.Delivered = ago(time.Hour) }
	failed := func(n int, when, lasted time.Duration) func(*journal.HookState) {
		return func(h *journal.HookState) {
			h.Failures, h.Failed, h.Lasted, h.Why = n, ago(when), lasted, "exit code 1"
		}
	}
	runs := func(left time.Duration) func(*journal.HookState) {
		return func(h *journal.HookState) { h.RunsUntil = now.Add(left) }
	}
	watched := func(f *Facts) { f.Watched, f.Rotation.UseChecked = true, ago(time.Minute) }
	manual := func(f *Facts) { f.Options.Manual = true }
	retireNow := func(f *Facts) { f.Options = Options{Manual: true, RetireNow: true}; watched(f) }
	back := func(f *Facts) { f.Placement = Placement{Old: 1} }
	for _, c := range []struct {
		name  string
		hooks []settings.Hook
		edit  []func(*Facts)
		do    Do
		until time.Time // checked when not zero
		says  string
	}{
		{"no hook: the overlap", nil, nil, DoWait, time.Time{}, "works until the overlap is over"},
		{"the files show the new pair: run it", []settings.Hook{hook}, nil, DoHook, time.Time{}, "the files show AKIA..NEW2: running hook github"},
		{"it has succeeded for this pair: the overlap", []settings.Hook{hook}, []func(*Facts){of(delivered)}, DoWait, time.Time{}, "works until the overlap is over"},
		{"the next one is due: run that", []settings.Hook{hook, restart}, []func(*Facts){of(delivered)}, DoHook, time.Time{}, "running hook restart"},
		{"it has succeeded with another command: run it again", []settings.Hook{hook}, []func(*Facts){of(delivered, func(h *journal.HookState) { h.Digest = "other" })}, DoHook, time.Time{}, "github"},
		{"it has succeeded for another pair: run it again", []settings.Hook{hook}, []func(*Facts){of(delivered, func(h *journal.HookState) { h.KeyID = old })}, DoHook, time.Time{}, "github"},
		{"not validated yet: that first", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Rotation.Validated = time.Time{} }}, DoValidate, time.Time{}, ""},
		{"a mended file is not validated yet: that first", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Rotation.MendStarted = ago(time.Second) }}, DoValidate, time.Time{}, ""},
		{"a file shows the old pair again: mend it first", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Placement = Placement{Old: 1, New: 1} }}, DoProve, time.Time{}, ""},
		{"a linked file shows the old pair again: mend it first", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Placement = Placement{New: 1, LinksOld: 1} }}, DoProve, time.Time{}, ""},
		{"only linked files are left, with the new pair: run it", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Placement, f.Rotation.Places = Placement{LinksNew: 1}, nil }}, DoHook, time.Time{}, "github"},
		{"held: a person has paused it", []settings.Hook{hook}, []func(*Facts){watched, func(f *Facts) { f.Rotation.Held = ago(time.Minute) }}, DoWait, time.Time{}, "on hold since"},
		{"it was started and not finished: run it again", []settings.Hook{hook}, []func(*Facts){of()}, DoHook, time.Time{}, "github"},
		{"another process runs it: wait for that", []settings.Hook{hook}, []func(*Facts){watched, of(runs(30 * time.Second))}, DoWait, now.Add(30 * time.Second), "another keyd was started that runs hook github"},
		{"this process runs it: ask again", []settings.Hook{hook}, []func(*Facts){of(runs(30 * time.Second)), func(f *Facts) { f.HookRuns = "github" }}, DoHook, time.Time{}, "github"},
		{"it runs until next year, says a clock that was ahead: run it", []settings.Hook{hook}, []func(*Facts){of(runs(300 * settings.Day))}, DoHook, time.Time{}, "github"},
		{"it has failed a moment ago: wait, and the old key stays", []settings.Hook{hook}, []func(*Facts){watched, of(failed(3, 30*time.Second, 3*time.Minute))}, DoWait, now.Add(90 * time.Second), "hook github: failed 3 times: exit code 1; AKIA..OLD1 stays usable until it succeeds"},
		{"it has failed, and the new key is due for its daily look: look", []settings.Hook{hook}, []func(*Facts){of(failed(9, time.Minute, time.Hour))}, DoLook, time.Time{}, "still works"},
		{"it has failed, and the time has come: run it", []settings.Hook{hook}, []func(*Facts){of(failed(3, 3*time.Minute, 3*time.Minute))}, DoHook, time.Time{}, "github"},
		{"it has failed a moment ago, and a person asks: run it", []settings.Hook{hook}, []func(*Facts){manual, of(failed(3, time.Second, 3*time.Minute))}, DoHook, time.Time{}, "github"},
		{"it has failed in this pass, and a person asks: once is enough", []settings.Hook{hook}, []func(*Facts){manual, watched, of(failed(4, time.Second, 3*time.Minute)), func(f *Facts) { f.HooksTried = map[string]bool{"github": true} }}, DoWait, time.Time{}, "failed 4 times"},
		{"it has failed, and a person ends the overlap: the old key stays all the same", []settings.Hook{hook}, []func(*Facts){retireNow, of(failed(4, time.Second, 3*time.Minute)), func(f *Facts) { f.HooksTried = map[string]bool{"github": true} }}, DoWait, time.Time{}, "stays usable until it succeeds"},
		{"it has failed for a week: a person", []settings.Hook{hook}, []func(*Facts){watched, of(failed(40, time.Minute, 7*settings.Day))}, DoBlock, time.Time{}, "for more than 7d: hook github: failed 40 times"},
		{"its program is gone: a person at once", []settings.Hook{hook}, []func(*Facts){watched, of(failed(1, time.Minute, 0), func(h *journal.HookState) { h.Definite = true })}, DoBlock, now.Add(settings.Day - time.Minute), "hook github: failed: exit code 1"},
		{"it is not required and has failed: the overlap", []settings.Hook{optional}, []func(*Facts){of(failed(2, time.Second, time.Minute))}, DoWait, time.Time{}, "works until the overlap is over"},
		{"it is left out: the overlap", []settings.Hook{optional}, []func(*Facts){of(failed(3, settings.Day, time.Minute), func(h *journal.HookState) { h.LeftOut = true })}, DoWait, time.Time{}, "works until the overlap is over"},
		{"it is left out, and is required now: run it", []settings.Hook{hook}, []func(*Facts){of(failed(3, settings.Day, time.Minute), func(h *journal.HookState) { h.LeftOut = true })}, DoHook, time.Time{}, "github"},
		{"it names no profile, and there are two keys: a person", []settings.Hook{hook}, []func(*Facts){watched, func(f *Facts) { f.Keys = 2 }}, DoBlock, time.Time{}, "hook github gets the pair and names no profile, and the files hold 2 keys: it was not run; AKIA..OLD1 stays usable"},
		{"another installation began the rotation: its hooks are that one's", []settings.Hook{hook}, []func(*Facts){func(f *Facts) { f.Rotation.Installation, f.Installation = "a", "b" }}, DoWait, time.Time{}, "works until the overlap is over"},
		{"excluded: hooks wait, too", []settings.Hook{hook}, []func(*Facts){watched, func(f *Facts) { f.Profiles = []string{"legacy"} }}, DoWait, time.Time{}, "holds the rotation"},
		{"in the quarantine: before the old key is deleted", []settings.Hook{hook}, []func(*Facts){watched, of(failed(3, time.Second, time.Minute)), func(f *Facts) {
			f.Rotation.DeactivateStarted, f.Rotation.Deactivated = ago(8*settings.Day), ago(8*settings.Day)
		}}, DoWait, time.Time{}, "AKIA..OLD1 is not deleted before it succeeds"},
		{"given up, and it was never run: delete the new key", []settings.Hook{hook}, []func(*Facts){back, func(f *Facts) { f.Rotation.GiveUpReason = "refused" }}, DoDiscard, time.Time{}, ""},
		{"given up after it was run: bring the old pair back first", []settings.Hook{hook}, []func(*Facts){back, of(), func(f *Facts) { f.Rotation.GiveUpReason = "refused" }}, DoHook, time.Time{}, "the files show AKIA..OLD1: running hook github"},
		{"given up, and it fails: the new key is not deleted", []settings.Hook{hook}, []func(*Facts){back, of(failed(2, time.Second, 0), func(h *journal.HookState) { h.KeyID = old }), func(f *Facts) { f.Rotation.GiveUpReason = "refused" }}, DoWait, time.Time{}, "AKIA..NEW2 is not deleted before it succeeds"},
		{"the new key is dead, held, and the files go back: so does the other place", []settings.Hook{hook}, []func(*Facts){back, of(delivered), func(f *Facts) { f.Rotation.NewDead, f.Rotation.Held = ago(time.Hour), ago(time.Minute) }}, DoHook, time.Time{}, "the files show AKIA..OLD1"},
	} {
		f := Facts{ID: old, Profiles: []string{"default"}, Keys: 1, Placement: Placement{New: 1},
			Seen: &Seen{At: ago(time.Minute), User: "alice", Keys: []ListedKey{{ID: old, Active: true, Created: ago(70 * settings.Day)}, {ID: fresh, Active: true, Created: ago(2 * settings.Day)}}},
			Rotation: &journal.Rotation{Old: credfile.Key{ID: old}, New: credfile.Key{ID: fresh}, User: "alice", Places: []journal.Place{{Profile: "default"}},
				CreateSent: ago(2 * settings.Day), Created: ago(2 * settings.Day), Swapped: ago(2 * settings.Day), Validated: ago(2 * settings.Day), Described: true, UseChecked: ago(time.Minute)}}
		if strings.Contains(c.name, "daily look") {
			f.Seen.At = ago(25 * time.Hour)
		}
		for _, e := range c.edit {
			e(&f)
		}
		s := settings.Default()
		s.Hooks, s.ProfileRotateAfter = c.hooks, map[string]time.Duration{"legacy": settings.Never}
		d := Next(f, s, now)
		if d.Do != c.do || !strings.Contains(d.Why, c.says) || !c.until.IsZero() && !d.Until.Equal(c.until) {
			t.Errorf("%s: got %s (%s) until %s: %s; %s", c.name, d.Do, d.State, d.Until, d.Why, d.Hint)
		}
		if d.Do == DoBlock && d.Hint == "" {
			t.Errorf("%s: a person is asked, and not told what helps", c.name)
		}
	}
}
