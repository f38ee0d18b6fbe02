package decide

import (
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestCallInFuture: the clock was set back after a CreateAccessKey whose answer was lost, so
// that the journal has the call two days ahead. One look tells whether the clock is right now.
// After that the key costs no look before the next day, or before something is to be done, and
// the true wait is shown.
func TestCallInFuture(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	const old, other = "AKIAOLDOLDOLDOLDOLD1", "AKIAOTHEROTHEROTHER3"
	lost := func(edit func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: old}, Places: []journal.Place{{Profile: "default"}}, CreateSent: now.Add(48 * time.Hour), IDsBefore: []string{old}}
		edit(r)
		return r
	}
	seen := func(ago, offset time.Duration) *Seen {
		return &Seen{At: now.Add(-ago), User: "alice", Offset: offset, Keys: []ListedKey{{ID: old, Active: true, Created: now.Add(-70 * settings.Day)}, {ID: other, Active: true, Created: now.Add(-time.Hour)}}}
	}
	guarded := func(ago, offset time.Duration) *Seen {
		s := seen(30*settings.Day, offset)
		s.Guarded = now.Add(-ago)
		return s
	}
	unripe := func(r *journal.Rotation) { r.Suspects, r.JudgeAt = []string{other}, now.Add(3*time.Hour) }
	ripe := func(r *journal.Rotation) { r.Suspects, r.JudgeAt = []string{other}, now }
	stuck := func(r *journal.Rotation) {
		r.Suspects, r.StuckReason, r.Reconciled = []string{other}, "cannot tell", now.Add(-time.Hour)
	}
	orphan := func(r *journal.Rotation) { r.OrphanID, r.OrphanDeactivated = other, now.Add(-time.Hour) }
	found := func(r *journal.Rotation) { r.OrphanID, r.Reconciled = other, now.Add(-time.Hour) }
	future := func(r *journal.Rotation) { unripe(r); r.Reconciled = now.Add(time.Hour) }
	withMFA := func(edit func(*journal.Rotation)) func(*journal.Rotation) {
		return func(r *journal.Rotation) { edit(r); r.NeedsMFA = true }
	}

	for _, row := range []struct {
		name  string
		edit  func(*journal.Rotation)
		facts Facts
		do    Do
		until time.Time
		says  string
	}{
		{"never looked: look", unripe, Facts{}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"looked before the clock was set back: look", unripe, Facts{Seen: seen(-47*time.Hour, 0)}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"the clock is right: wait until the keys can be judged", unripe, Facts{Seen: seen(15*time.Minute, 0)}, DoWait, now.Add(3 * time.Hour), "AKIA..HER3 appeared"},
		{"the clock is right, and the machine woke: wait", unripe, Facts{Seen: seen(15*time.Minute, 0), AwakeSince: now.Add(-time.Minute)}, DoWait, now.Add(3 * time.Hour), "AKIA..HER3 appeared"},
		{"the clock was right a day ago: look", unripe, Facts{Seen: seen(settings.Day, 0)}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"the clock is right, and a person asks: look", unripe, Facts{Seen: seen(15*time.Minute, 0), Options: Options{Manual: true}}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"a person asks, after a fresh look: wait", unripe, Facts{Seen: seen(time.Minute, 0), Options: Options{Manual: true}}, DoWait, now.Add(3 * time.Hour), "AKIA..HER3 appeared"},
		{"the clock is behind: a person", unripe, Facts{Seen: seen(15*time.Minute, 48*time.Hour)}, DoBlock, now.Add(settings.Day - 15*time.Minute), "clock differs from AWS's by 2d"},
		{"the clock was behind, and may have been set since: look", unripe, Facts{Seen: seen(15*time.Minute, 48*time.Hour), AwakeSince: now.Add(-time.Minute)}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"a wait from the future, which a look restarts: look", future, Facts{Seen: seen(15*time.Minute, 0)}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"keyd cannot tell whose the key is: a person", stuck, Facts{Seen: seen(15*time.Minute, 0)}, DoBlock, now.Add(23 * time.Hour), "cannot tell"},
		{"the orphan is in quarantine: wait", orphan, Facts{Seen: seen(15*time.Minute, 0)}, DoWait, now.Add(7*settings.Day - time.Hour), "it is inactive"},
		{"the orphan is found: look before it is set aside", found, Facts{Seen: seen(15*time.Minute, 0)}, DoLook, time.Time{}, "looking once more at AKIA..HER3"},
		{"the keys can be judged: only by a clock that is right at that moment", ripe, Facts{Seen: seen(15*time.Minute, 0)}, DoLook, time.Time{}, "comparing this machine's clock"},
		{"the keys can be judged, and the clock is right: judge them", ripe, Facts{Seen: seen(time.Minute, 0)}, DoReconcile, time.Time{}, "finding out"},
		{"judging failed a moment ago: wait", ripe, Facts{Seen: seen(15*time.Minute, 0), Failure: &Failure{Do: DoReconcile, At: now, Count: 1, Why: "AWS does not answer"}}, DoWait, time.Time{}, "AWS does not answer"},
		{"AWS asks for MFA, and the clock is right: wait", withMFA(unripe), Facts{Seen: guarded(15*time.Minute, 0)}, DoWait, now.Add(3 * time.Hour), "AKIA..HER3 appeared"},
		{"AWS asks for MFA, and the clock is behind: a person", withMFA(unripe), Facts{Seen: guarded(15*time.Minute, 48*time.Hour)}, DoBlock, now.Add(settings.Day), "clock differs from AWS's by 2d"},
		{"AWS asks for MFA, and the keys can be judged: a code", withMFA(ripe), Facts{Seen: guarded(15*time.Minute, 0)}, DoBlock, now.Add(settings.Day), "MFA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := row.facts
			f.ID, f.Profiles, f.Placement, f.Rotation = old, []string{"default"}, Placement{Old: 1}, lost(row.edit)
			d := Next(f, settings.Default(), now)
			if d.Do != row.do || !strings.Contains(d.Why, row.says) || !row.until.IsZero() && !d.Until.Equal(row.until) {
				t.Errorf("%s until %s: %s", d.Do, d.Until, d.Why)
			}
		})
	}
}
