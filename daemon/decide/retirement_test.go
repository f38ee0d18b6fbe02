package decide

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestRetirement specifies what keyd does about a key that a person retires, and when.
func TestRetirement(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.Local)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const old, helper = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW2"
	begun := func(when time.Duration, edit ...func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: old}, New: credfile.Key{ID: helper}, User: "alice", Places: []journal.Place{{Profile: "default"}},
			CreateSent: ago(when), Created: ago(when), Retire: &journal.Retirement{}, Installation: "a", Host: "desk"}
		for _, e := range edit {
			e(r)
		}
		return r
	}
	off := func(when time.Duration) func(*journal.Rotation) {
		return func(r *journal.Rotation) {
			r.DeactivateStarted, r.Deactivated, r.Retire.Proven = ago(when), ago(when), ago(when)
		}
	}
	starting := func(r *journal.Rotation) { r.DeactivateStarted, r.Retire.Proven = ago(time.Minute), ago(time.Minute) }
	useRead := func(r *journal.Rotation) { r.UseChecked = now }
	dead := func(r *journal.Rotation) { r.NewDead = ago(time.Hour) }
	back := func(r *journal.Rotation) { r.GiveUpReason = "a person wants it back" }
	gone := func(r *journal.Rotation) { r.Retire.Deleted = ago(time.Minute) }
	unanswered := func(r *journal.Rotation) { r.New, r.Created = credfile.Key{}, time.Time{} }
	seen := func(oldActive, helperActive bool) *Seen {
		return &Seen{At: now, User: "alice", Keys: []ListedKey{{ID: old, Active: oldActive, Created: ago(300 * settings.Day)}, {ID: helper, Active: helperActive, Created: ago(time.Hour)}}}
	}
	onOld, nowhere := Placement{Old: 1}, Placement{Missing: []string{"default"}}
	foreign := Placement{Foreign: []string{"default"}}
	rows := []struct {
		name  string
		facts Facts
		do    Do
		state State
		until time.Time
		says  string
		run   string
	}{
		{"the helper is not proven: prove it", Facts{Rotation: begun(time.Minute), Placement: onOld}, DoProve, StateRetiring, time.Time{}, "has to be accepted first", ""},
		{"proven: look with it", Facts{Rotation: begun(time.Minute), Placement: onOld, Proven: true}, DoLook, StateRetiring, time.Time{}, "", ""},
		{"looked at: ask for the last use once more", Facts{Rotation: begun(time.Minute), Placement: onOld, Proven: true, Seen: seen(true, true)}, DoCheckUse, StateRetiring, time.Time{}, "", ""},
		{"nobody has used it: make it inactive", Facts{Rotation: begun(time.Minute, useRead), Placement: onOld, Proven: true, Seen: seen(true, true)}, DoDeactivate, StateRetiring, time.Time{}, "a person retires AKIA..OLD1", ""},
		{"the person knows better: do not ask", Facts{Rotation: begun(time.Minute, func(r *journal.Rotation) { r.Retire.Forced = true }), Placement: onOld, Proven: true, Seen: seen(true, true)}, DoDeactivate, StateRetiring, time.Time{}, "", ""},
		{"AWS lists the helper as inactive: nothing happens to the old key", Facts{Rotation: begun(time.Hour, useRead), Placement: onOld, Proven: true, Seen: seen(true, false)}, DoBlock, StateBlocked, now.Add(settings.Day), "is left as it is", "aws iam list-access-keys"},
		{"the clock is an hour off: nothing happens", Facts{Rotation: begun(time.Minute, useRead), Placement: onOld, Proven: true, Seen: offset(seen(true, true), time.Hour)}, DoBlock, StateBlocked, now.Add(settings.Day), "clock", "set the clock"},
		{"killed while it was made inactive: go on, without a proof", Facts{Rotation: begun(time.Hour, starting, useRead), Placement: onOld, Seen: seen(false, true)}, DoDeactivate, StateRetiring, time.Time{}, "", ""},
		{"inactive for a day: wait, with the way back", Facts{Rotation: begun(settings.Day, off(settings.Day)), Placement: onOld, Seen: seen(false, true), Watched: true}, DoWait, StateRetiring, now.Add(6 * settings.Day), "this makes it usable again: keyd hold default", ""},
		{"inactive for a day, and nobody has looked since: look whether the helper works", Facts{Rotation: begun(25*time.Hour, off(25*time.Hour)), Placement: onOld}, DoLook, StateRetiring, time.Time{}, "still works", ""},
		{"a person took the profile out of the files: that changes nothing", Facts{Rotation: begun(settings.Day, off(settings.Day)), Placement: nowhere, Seen: seen(false, true), Watched: true}, DoWait, StateRetiring, now.Add(6 * settings.Day), "", ""},
		{"a person put another key there: that changes nothing", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day)), Placement: foreign, Seen: seen(false, true), Watched: true}, DoDelete, StateRetiring, time.Time{}, "inactive long enough", ""},
		{"the quarantine is over: delete it", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day)), Placement: onOld, Seen: seen(false, true), Watched: true}, DoDelete, StateRetiring, time.Time{}, "", ""},
		{"someone made it active again: a person", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day)), Placement: onOld, Seen: seen(true, true), Watched: true}, DoBlock, StateBlocked, now.Add(settings.Day), "active again", "to keep it: keyd hold default"},
		{"another installation began it: leave it to that one", Facts{Installation: "b", Rotation: begun(7*settings.Day, off(7*settings.Day)), Placement: onOld, Seen: seen(false, true), Watched: true}, DoWait, StateRetiring, now.Add(settings.Day), "keyd on desk began this rotation", ""},
		{"a person wants it back: make it active", Facts{Rotation: begun(settings.Day, off(settings.Day), back), Placement: onOld}, DoRevive, StateRetiring, time.Time{}, "is made usable again", ""},
		{"it is active again: the helper goes", Facts{Rotation: begun(settings.Day, back), Placement: onOld}, DoDropHelper, StateRetiring, time.Time{}, "stays, and the retirement ends", ""},
		{"a person wants it back, and the helper is dead: the old key may have been made active in the console", Facts{Rotation: begun(settings.Day, off(settings.Day), back, dead), Placement: onOld}, DoDropHelper, StateRetiring, time.Time{}, "", ""},
		{"it is deleted: the helper goes", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day), gone), Placement: onOld}, DoDropHelper, StateRetiring, time.Time{}, "is deleted: deleting", ""},
		{"it is deleted, and the helper is refused: that is how it ends", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day), gone, dead), Placement: onOld}, DoDropHelper, StateRetiring, time.Time{}, "", ""},
		{"someone ended the helper before it did anything: the key stays", Facts{Rotation: begun(time.Hour, dead), Placement: onOld}, DoDropHelper, StateRetiring, time.Time{}, "someone made it inactive or deleted it: AKIA..OLD1 stays", ""},
		{"someone ended the helper of an inactive key: a person, with both ways", Facts{Rotation: begun(settings.Day, off(settings.Day), dead), Placement: onOld, Watched: true}, DoBlock, StateBlocked, ago(time.Hour).Add(settings.Day), "keyd can neither delete it nor make it usable again",
			"in the console of AWS, user alice: delete " + old + ", and " + helper + " if it is there, then: keyd resume default; or, to have it back, make " + old + " active there, then: keyd hold default"},
		{"the same, and a person asks: ask AWS once more", Facts{Rotation: begun(settings.Day, off(settings.Day), dead), Placement: onOld, Options: Options{Manual: true}}, DoLook, StateBlocked, time.Time{}, "", ""},
		{"the answer to the creation of the helper was lost: find out", Facts{Rotation: begun(time.Minute, unanswered), Placement: onOld, Installation: "a"}, DoReconcile, StateRotating, time.Time{}, "", ""},
		{"the deletion failed a moment ago: wait", Facts{Rotation: begun(8*settings.Day, off(8*settings.Day)), Placement: onOld, Seen: seen(false, true), Watched: true, Failure: &Failure{Do: DoDelete, At: now, Count: 1, Why: "no answer"}}, DoWait, StateWaiting, now.Add(time.Minute), "no answer", ""},
	}
	for _, r := range rows {
		if r.facts.ID = old; r.facts.Profiles == nil {
			r.facts.Profiles = []string{"default"}
		}
		d := Next(r.facts, settings.Default(), now)
		if d.Do != r.do || d.State != r.state || !r.until.IsZero() && !d.Until.Equal(r.until) || !strings.Contains(d.Why, r.says) || !strings.HasPrefix(d.Hint, r.run) {
			t.Errorf("%s: %s %s until %s: %s; %s", r.name, d.Do, d.State, d.Until, d.Why, d.Hint)
		}
		if text := DescribeRotation(r.facts.Rotation); strings.Contains(text, "the files show") || !strings.Contains(text, "AKIA..OLD1") {
			t.Errorf("%s: described as a rotation: %s", r.name, text)
		}
	}
	held := settings.Default()
	held.NeverAccounts = []string{"111122223333"}
	excluded := Facts{ID: old, Profiles: []string{"default"}, Placement: onOld, Seen: &Seen{At: now, Account: "111122223333", User: "alice"}, Rotation: begun(8*settings.Day, off(8*settings.Day))}
	if d := Next(excluded, held, now); d.Do != DoWait || d.State != StateHeld || !strings.Contains(d.Why, "is inactive and is not deleted; this makes it usable again: keyd hold default") {
		t.Errorf("excluded meanwhile: %s %s: %s", d.Do, d.State, d.Why)
	}
	if d := Next(Facts{ID: old, Profiles: []string{"default"}, RetiredAt: ago(settings.Day)}, settings.Default(), now); d.Do != DoSkip || d.Why != "retired on 22 Nov 2026: default can be taken out of the files" {
		t.Errorf("retired: %s %s", d.Do, d.Why)
	}
}

// TestRefuseRetirement lists when keyd does not begin to retire a key, and what it
// proposes instead.
func TestRefuseRetirement(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.Local)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const old, other = "AKIAOLDOLDOLDOLDOLD1", "AKIAOTHEROTHEROTHER3"
	seen := func(more ...ListedKey) *Seen {
		return &Seen{At: now, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice", User: "alice", Keys: append([]ListedKey{{ID: old, Active: true, Created: ago(300 * settings.Day)}}, more...)}
	}
	used := func(before time.Duration) *KeyUse {
		return &KeyUse{Read: now, Last: &remote.Use{At: ago(before), Service: "s3", Region: "eu-west-1"}}
	}
	never := settings.Default()
	never.NeverAccounts = []string{"111122223333"}
	const anyway = "if nothing uses it: keyd retire --force default"
	rows := []struct {
		name   string
		facts  Facts
		set    settings.Settings
		signer string
		forced bool
		why    string // "" when it is not refused
		hint   string
	}{
		{name: "unused for long", facts: Facts{Seen: seen(), Use: used(90 * settings.Day)}},
		{name: "used within overlap", facts: Facts{Seen: seen(), Use: used(3 * settings.Day)}, why: "was used 3d ago by s3 in eu-west-1, at 20 Nov 09:00", hint: "find out what uses it: keyd where default; " + anyway},
		{name: "used within overlap, and forced", facts: Facts{Seen: seen(), Use: used(3 * settings.Day)}, forced: true},
		{name: "never used, and old", facts: Facts{Seen: seen(), Use: &KeyUse{Read: now, Last: &remote.Use{}}}},
		{name: "hidden by keyd's own calls", facts: Facts{Seen: seen(), Use: &KeyUse{Read: now, Signed: ago(time.Hour), Quiet: ago(settings.Day)}}, why: "keyd's own calls hide", hint: anyway},
		{name: "quiet for long, keyd's own calls aside", facts: Facts{Seen: seen(), Use: &KeyUse{Read: now, Signed: ago(time.Hour), Quiet: ago(8 * settings.Day)}}},
		{name: "AWS does not tell", facts: Facts{Seen: seen(), Use: &KeyUse{Read: now, Denied: true}}, why: "does not tell whether", hint: "allow this user iam:GetAccessKeyLastUsed, see keyd policy default; or " + anyway},
		{name: "AWS does not tell, and forced", facts: Facts{Seen: seen(), Use: &KeyUse{Read: now, Denied: true}}, forced: true},
		{name: "a second key that no profile shows", facts: Facts{Seen: seen(ListedKey{ID: other, Active: true}), Use: used(90 * settings.Day)}, why: "which no profile here shows", hint: "in the console of AWS, user alice: make " + old + " inactive"},
		{name: "an inactive second key", facts: Facts{Seen: seen(ListedKey{ID: other}), Use: used(90 * settings.Day)}, why: "no room", hint: "if no one needs that key: keyd prune default; then keyd retire default"},
		{name: "a second key that another profile shows", facts: Facts{Seen: seen(ListedKey{ID: other, Active: true}), Use: used(90 * settings.Day)}, signer: "mine"},
		{name: "forced, and a second key: there is no room all the same", facts: Facts{Seen: seen(ListedKey{ID: other, Active: true}), Use: used(time.Hour)}, forced: true, why: "which no profile here shows", hint: "in the console"},
		{name: "root", facts: Facts{Seen: &Seen{At: now, Root: true, Account: "1"}}, why: "root key"},
		{name: "not a user's", facts: Facts{Seen: &Seen{At: now, ARN: "arn:x"}}, why: "not the key of an IAM user"},
		{name: "IAM does not list it", facts: Facts{Seen: &Seen{At: now, User: "alice"}, Use: used(90 * settings.Day)}, why: "does not list", hint: "try it again"},
		{name: "the clock is wrong", facts: Facts{Seen: offset(seen(), time.Hour), Use: used(90 * settings.Day)}, why: "clock", hint: "set the clock"},
		{name: "excluded", facts: Facts{Seen: seen(), Use: used(90 * settings.Day)}, set: never, why: "never_accounts", hint: "to retire it, take this out of keyd.ini: never_accounts"},
		{name: "temporary credentials", facts: Facts{SkipReason: "temporary credentials"}, why: "temporary credentials"},
		{name: "unreadable", facts: Facts{Unreadable: &Unread{Why: "f:3: glued", Hint: "begin a new line"}}, why: "f:3: glued", hint: "begin a new line"},
		{name: "its journal cannot be read", facts: Facts{RotationErr: errors.New("damaged")}, why: "damaged"},
		{name: "in a rotation", facts: Facts{Rotation: &journal.Rotation{}}, why: "a rotation of default is in progress", hint: "keyd status default"},
		{name: "in a retirement", facts: Facts{Rotation: &journal.Rotation{Retire: &journal.Retirement{}}}, why: "is being retired already", hint: "keyd status default"},
		{name: "retired", facts: Facts{RetiredAt: ago(settings.Day)}, why: "retired on 22 Nov 2026", hint: "remove default from the files"},
	}
	for _, r := range rows {
		r.facts.ID, r.facts.Profiles = old, []string{"default"}
		if r.set.Overlap == 0 {
			r.set = settings.Default()
		}
		got := RefuseRetirement(r.facts, r.set, now, r.signer, r.forced)
		switch {
		case got == nil && r.why != "":
			t.Errorf("%s: not refused", r.name)
		case got != nil && (r.why == "" || !strings.Contains(got.Why, r.why) || !strings.HasPrefix(got.Hint, r.hint) || (got.Hint == "") != (r.hint == "")):
			t.Errorf("%s: %s; %s", r.name, got.Why, got.Hint)
		}
	}
}
