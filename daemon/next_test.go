package daemon

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// TestNext is the specification of what keyd does when. Every row is one
// sentence: given these facts, this is decided.
func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const old, fresh, other = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW2", "AKIAOTHEROTHEROTHER3"

	seen := func(age time.Duration, more ...SeenKey) *Seen {
		return &Seen{At: now, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice", User: "alice",
			Keys: append([]SeenKey{{ID: old, Active: true, Created: ago(age)}}, more...)}
	}
	both := func(oldActive bool) *Seen {
		return &Seen{At: now, User: "alice", Keys: []SeenKey{{ID: old, Active: oldActive, Created: ago(70 * day)}, {ID: fresh, Active: true, Created: ago(9 * day)}}}
	}
	// rotation is one whose files have shown the new id since swapped ago.
	rotation := func(swapped time.Duration, edit ...func(*Rotation)) *Rotation {
		r := &Rotation{Old: credfile.Key{ID: old}, New: credfile.Key{ID: fresh}, User: "alice", Places: []Place{{Profile: "default"}},
			Sent: ago(swapped + time.Minute), Created: ago(swapped + time.Minute), Swapped: ago(swapped), Validated: ago(swapped), Described: true}
		for _, e := range edit {
			e(r)
		}
		return r
	}
	useRead := func(when time.Duration, u *remote.Use) func(*Rotation) {
		return func(r *Rotation) { r.UseRead, r.Used = ago(when), u }
	}
	deactivated := func(when time.Duration) func(*Rotation) {
		return func(r *Rotation) { r.Deactivating, r.Deactivated = ago(when), ago(when) }
	}
	onNew, onOld, mixed, torn := Shows{New: 1}, Shows{Old: 1}, Shows{Old: 1, New: 1}, Shows{Old: 1, Torn: 1}

	rows := []struct {
		name  string
		facts Facts
		do    Do
		state State
		until time.Time // checked when not zero
		says  string
		run   string
	}{
		{"nothing to rotate: skip, with the reason of the files", Facts{Skip: "temporary credentials"}, Skip, Skipped, time.Time{}, "temporary", ""},
		{"excluded by keyd.ini: skip, without a call", Facts{Profiles: []string{"legacy"}}, Skip, Skipped, time.Time{}, "rotate = never", ""},
		{"never looked at: look", Facts{}, Look, OK, time.Time{}, "", ""},
		{"young: wait until it is due", Facts{Seen: seen(12 * day)}, Wait, OK, ago(12 * day).Add(jitter(60*day, old)), "12d old", ""},
		{"young, but looked at more than a day ago: look again", Facts{Seen: older(seen(12*day), day)}, Look, OK, time.Time{}, "", ""},
		{"young, but forced: preflight", Facts{Seen: seen(12 * day), Ask: Ask{Person: true, Force: true}}, Preflight, Due, time.Time{}, "12d old", ""},
		{"due: preflight first", Facts{Seen: seen(70 * day)}, Preflight, Due, time.Time{}, "70d old", ""},
		{"due, but the look is older than two minutes: look again", Facts{Seen: older(seen(70*day), 3*time.Minute)}, Look, Due, time.Time{}, "", ""},
		{"due and preflight passed: create", Facts{Seen: seen(70 * day), Ready: true}, Create, Due, time.Time{}, "", ""},
		{"due, but the clock is an hour off: a person", Facts{Seen: offset(seen(70*day), time.Hour)}, Blocked, Stopped, now.Add(day), "clock", "set the clock"},
		{"a root key: never", Facts{Seen: &Seen{At: now, Root: true, Account: "1"}}, Skip, Skipped, time.Time{}, "root key", ""},
		{"due, but there is a second active key: a person", Facts{Seen: seen(70*day, SeenKey{ID: other, Active: true, Used: &remote.Use{At: ago(3 * day), Service: "s3", Region: "eu-west-1"}})},
			Blocked, Stopped, now.Add(day), "last used 3d ago by s3 in eu-west-1", "keyd prune default"},
		{"due, but there is a second inactive key: a person", Facts{Seen: seen(70*day, SeenKey{ID: other})}, Blocked, Stopped, time.Time{}, "inactive", "keyd prune default"},
		{"IAM does not list the key that signs: wait, the list lags", Facts{Seen: &Seen{At: now, User: "alice"}}, Wait, Waiting, now.Add(time.Minute), "does not list", ""},
		{"the last look failed a moment ago: wait a minute", Facts{Trouble: &Trouble{Do: Look, At: now, Count: 1, Why: "no network"}}, Wait, Waiting, now.Add(time.Minute), "no network", ""},
		{"the last look failed an hour ago: look", Facts{Trouble: &Trouble{Do: Look, At: ago(time.Hour), Count: 1}}, Look, OK, time.Time{}, "", ""},
		{"it has failed for a week: a person", Facts{Trouble: &Trouble{Do: Look, At: now, Count: 40, Lasted: 7 * day, Why: "no answer"}}, Blocked, Stopped, now.Add(6 * time.Hour), "for more than 7d: no answer", "keyd rotate"},
		{"it has failed for a day, and the key is too old: a person", Facts{Trouble: &Trouble{Do: Preflight, At: now, Count: 17, Lasted: day, Why: "no answer"}, Seen: seen(91 * day)}, Blocked, Stopped, now.Add(6 * time.Hour), "for more than 1d", "keyd rotate"},
		{"no network for a week: wait", Facts{Trouble: &Trouble{Do: Look, At: now, Count: 900, Lasted: 8 * day, Offline: true, Why: "no such host"}, Seen: seen(70 * day)}, Wait, Waiting, time.Time{}, "", ""},
		{"AWS refused: a person, and a daily re-check", Facts{Trouble: &Trouble{Do: Look, At: now, Count: 1, Why: "denied", Definite: true}}, Blocked, Stopped, now.Add(day), "denied", ""},
		{"no network a moment ago: wait, at most as long as the table says", Facts{Trouble: &Trouble{Do: Look, At: now, Count: 5, Why: "no such host", Offline: true}}, Wait, Waiting, now.Add(offlineAfter(5, now)), "no such host", ""},
		{"no network for days: a quarter of an hour at most", Facts{Trouble: &Trouble{Do: Look, At: ago(15 * time.Minute), Count: 90, Offline: true}}, Look, OK, time.Time{}, "", ""},
		{"no network, then the machine slept and woke: try at once", Facts{Trouble: &Trouble{Do: Look, At: ago(8 * time.Second), Count: 5, Offline: true}, Awake: ago(7 * time.Second)}, Look, OK, time.Time{}, "", ""},
		{"AWS refused, then the machine slept and woke: that changes nothing", Facts{Trouble: &Trouble{Do: Look, At: ago(8 * time.Second), Count: 1, Why: "denied", Definite: true}, Awake: ago(7 * time.Second)}, Blocked, Stopped, time.Time{}, "denied", ""},
		{"it failed in the future, and the clock has been set back: do not wait for that day", Facts{Trouble: &Trouble{Do: Look, At: now.Add(day), Count: 1}}, Look, OK, time.Time{}, "", ""},
		{"looked at in the future, and the clock has been set back: look", Facts{Seen: older(seen(12*day), -day)}, Look, OK, time.Time{}, "", ""},
		{"due, looked at a minute ago, but woken since: no rotation without a word from AWS", Facts{Seen: older(seen(70*day), time.Minute), Awake: ago(30 * time.Second)}, Look, Due, time.Time{}, "", ""},
		{"due, woken a minute ago, and AWS has answered since: preflight", Facts{Seen: seen(70 * day), Awake: ago(time.Minute)}, Preflight, Due, time.Time{}, "", ""},
		{"due, but a key was made for the user six hours ago: never two within a day", Facts{Seen: seen(70 * day), LastRotation: ago(6 * time.Hour)}, Wait, Due, now.Add(18 * time.Hour), "never two", ""},
		{"due, and the last key was made for the user yesterday: preflight", Facts{Seen: seen(70 * day), LastRotation: ago(day)}, Preflight, Due, time.Time{}, "", ""},
		{"due, a key was made six hours ago, and a person asks: preflight", Facts{Seen: seen(70 * day), LastRotation: ago(6 * time.Hour), Ask: Ask{Person: true}}, Preflight, Due, time.Time{}, "", ""},
		{"a decoy key: not a single call", Facts{ID: "AKIASP2TPHJSQH3FJRUX"}, Skip, Skipped, time.Time{}, "decoy key: account 171436882533", ""},
		{"a key of an account in never_accounts: not a single call", Facts{ID: "AKIAY34FZKBOKMUTVV7A"}, Skip, Skipped, time.Time{}, "never_accounts", ""},
		{"a key whose id hides its account, once AWS has named one of never_accounts: no further call", Facts{Seen: &Seen{At: ago(day), Account: "609629065308"}}, Skip, Skipped, time.Time{}, "never_accounts", ""},
		{"a rotation of such a key that goes on is ended: half of it is worse", Facts{Rotation: rotation(0, unswapped), Shows: onOld, Seen: &Seen{Account: "609629065308"}}, Prove, Rotating, time.Time{}, "", ""},
		{"the overlap is over, looked at a minute ago, but woken since: look again", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, nil)), Shows: onNew, Seen: older(both(true), time.Minute), Awake: ago(30 * time.Second)}, Look, Overlap, time.Time{}, "", ""},

		{"the answer to Create was lost: reconcile, whatever the list says", Facts{Rotation: &Rotation{Old: credfile.Key{ID: old}, Sent: ago(time.Minute)}, Shows: onOld}, Reconcile, Rotating, time.Time{}, "lost", ""},
		{"a key that certainly came from a lost answer: drop it", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: now, OrphanExact: true}, Shows: onOld}, DropOrphan, Rotating, time.Time{}, "", ""},
		{"a key that probably came from it: only after the quarantine", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: now}, Shows: onOld}, Wait, Quarantine, now.Add(7 * day), "", ""},
		{"its quarantine is over: ask AWS for the time, then drop it", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: ago(8 * day)}, Shows: onOld}, Look, Quarantine, time.Time{}, "", ""},
		{"its quarantine is over by AWS's time too: drop it", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: ago(8 * day)}, Shows: onOld, Seen: seen(70 * day)}, DropOrphan, Rotating, time.Time{}, "", ""},
		{"its quarantine is over by a clock that is wrong: a person", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: ago(8 * day)}, Shows: onOld, Seen: offset(seen(70*day), -10*day)}, Blocked, Stopped, time.Time{}, "clock", ""},
		{"held, and nobody has found out what came of it: wait, or another rotation would begin", Facts{Rotation: &Rotation{Sent: ago(time.Minute), Held: now}, Shows: onOld}, Wait, Held, time.Time{}, "left open", ""},
		{"held: it is not dropped, however certain it is", Facts{Rotation: &Rotation{Orphan: other, OrphanOff: ago(8 * day), OrphanExact: true, Held: now}, Shows: onOld}, Wait, Held, time.Time{}, "is not deleted", ""},
		{"a new pair, and the file shows the old one: prove before anybody sees it", Facts{Rotation: rotation(0, unswapped), Shows: onOld}, Prove, Rotating, time.Time{}, "", ""},
		{"proven: swap", Facts{Rotation: rotation(0, unswapped), Shows: onOld, Proven: true}, Swap, Rotating, time.Time{}, "", ""},
		{"half the files are swapped: prove and swap the rest", Facts{Rotation: rotation(0, unswapped), Shows: mixed}, Prove, Rotating, time.Time{}, "", ""},
		{"swapped: validate what is on disk", Facts{Rotation: rotation(0, unswapped), Shows: onNew}, Validate, Rotating, time.Time{}, "", ""},
		{"validated: describe it for the console", Facts{Rotation: rotation(0, func(r *Rotation) { r.Described = false }), Shows: onNew}, Describe, Overlap, time.Time{}, "", ""},
		{"in the overlap: wait", Facts{Rotation: rotation(time.Hour), Shows: onNew}, Wait, Overlap, now.Add(23 * time.Hour), "stays usable", ""},
		{"mended five minutes ago at the end of the overlap: wait until it is undisturbed", Facts{Rotation: rotation(25*time.Hour, func(r *Rotation) { r.Swapped = ago(5 * time.Minute) }), Shows: onNew}, Wait, Overlap, now.Add(5 * time.Minute), "", ""},
		{"the overlap is over: ask for the last use", Facts{Rotation: rotation(25 * time.Hour), Shows: onNew}, CheckUse, Overlap, time.Time{}, "", ""},
		{"the last use was read too soon after the swap: ask again", Facts{Rotation: rotation(25*time.Hour, useRead(23*time.Hour, nil)), Shows: onNew}, CheckUse, Overlap, time.Time{}, "", ""},
		{"still used: a person, with service and region", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, &remote.Use{At: ago(2 * time.Hour), Service: "s3", Region: "eu-west-1"})), Shows: onNew},
			Blocked, Stopped, time.Time{}, "by s3 in eu-west-1, 2h ago", "keyd rotate --retire-now default"},
		{"last used before the swap: look at both keys once more", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, &remote.Use{At: ago(26 * time.Hour)})), Shows: onNew}, Look, Overlap, time.Time{}, "", ""},
		{"a use within AWS's granularity of the swap counts as before it", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, &remote.Use{At: ago(25*time.Hour - 10*time.Minute)})), Shows: onNew, Seen: both(true)}, Deactivate, Overlap, time.Time{}, "", ""},
		{"nobody uses it and IAM lists both: deactivate", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, nil)), Shows: onNew, Seen: both(true)}, Deactivate, Overlap, time.Time{}, "", ""},
		{"nobody used it, but that was read two days ago: ask again", Facts{Rotation: rotation(9*day, useRead(2*day, nil)), Shows: onNew, Seen: both(true)}, CheckUse, Overlap, time.Time{}, "", ""},
		{"the last use was read in the future: ask again", Facts{Rotation: rotation(25*time.Hour, useRead(-day, nil)), Shows: onNew, Seen: both(true)}, CheckUse, Overlap, time.Time{}, "", ""},
		{"nobody uses it, but the clock is an hour off: a person", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, nil)), Shows: onNew, Seen: offset(both(true), -time.Hour)}, Blocked, Stopped, time.Time{}, "clock", "set the clock"},
		{"swapped in the future: look at the clock", Facts{Rotation: rotation(-day), Shows: onNew}, Look, Overlap, time.Time{}, "from the future", ""},
		{"swapped in the future of a clock that is behind: a person", Facts{Rotation: rotation(-day), Shows: onNew, Seen: offset(both(true), 2*day)}, Blocked, Stopped, time.Time{}, "clock", "set the clock"},
		{"IAM does not list the new key as active: touch nothing", Facts{Rotation: rotation(25*time.Hour, useRead(time.Minute, nil)), Shows: onNew, Seen: seen(70 * day)}, Blocked, Stopped, time.Time{}, "does not list", ""},
		{"told to retire now: no overlap, no question of use, but a look", Facts{Rotation: rotation(time.Second, func(r *Rotation) { r.RetireNow = true }), Shows: onNew}, Look, Overlap, time.Time{}, "", ""},
		{"in the quarantine: wait", Facts{Rotation: rotation(2*day, deactivated(day)), Shows: onNew}, Wait, Quarantine, now.Add(6 * day), "keyd hold", ""},
		{"the quarantine is over: look, then delete", Facts{Rotation: rotation(9*day, deactivated(8*day)), Shows: onNew}, Look, Quarantine, time.Time{}, "", ""},
		{"inactive long enough: delete", Facts{Rotation: rotation(9*day, deactivated(8*day)), Shows: onNew, Seen: both(false)}, Delete, Quarantine, time.Time{}, "", ""},
		{"inactive long enough by a clock that is ten days ahead: a person", Facts{Rotation: rotation(9*day, deactivated(8*day)), Shows: onNew, Seen: offset(both(false), -10*day)}, Blocked, Stopped, time.Time{}, "clock", "set the clock"},
		{"someone made it active again in its quarantine, and it is to be retired now: deactivate", Facts{Rotation: rotation(9*day, deactivated(8*day)), Shows: onNew, Seen: both(true), Ask: Ask{Person: true, RetireNow: true}}, Deactivate, Quarantine, time.Time{}, "active again", ""},
		{"someone made it active again in its quarantine: a person", Facts{Rotation: rotation(9*day, deactivated(8*day)), Shows: onNew, Seen: both(true)}, Blocked, Stopped, time.Time{}, "active again", "to keep it: keyd hold default; to retire it: keyd rotate --retire-now default"},

		{"a file shows the old id again: prove, then mend", Facts{Rotation: rotation(2*day, deactivated(day)), Shows: mixed}, Prove, Rotating, time.Time{}, "shows AKIA..OLD1 again", ""},
		{"the write was cut off by a power failure: mend at once, without a proof", Facts{Rotation: rotation(0, unswapped), Shows: torn}, Mend, Rotating, time.Time{}, "half of AKIA..OLD1 and half of", ""},
		{"half of each, beside a third id: mend, that one stays", Facts{Rotation: rotation(0), Shows: Shows{Old: 1, Torn: 1, Third: []string{"work"}}}, Mend, Rotating, time.Time{}, "", ""},
		{"half of each, and held: mend, nobody can use it", Facts{Rotation: rotation(2*day, held), Shows: torn}, Mend, Rotating, time.Time{}, "", ""},
		{"half of each, and the new key failed: mend, then put back", Facts{Rotation: rotation(0, failed), Shows: torn}, Mend, Rotating, time.Time{}, "", ""},
		{"mending failed a moment ago: wait", Facts{Rotation: rotation(0, unswapped), Shows: torn, Trouble: &Trouble{Do: Mend, At: now, Count: 1, Why: "disk full"}}, Wait, Waiting, now.Add(time.Minute), "disk full", ""},
		{"put back by another program and mended: validate what is on disk again", Facts{Rotation: rotation(2*day, func(r *Rotation) { r.Mending = now }), Shows: onNew}, Validate, Rotating, time.Time{}, "", ""},
		{"a third id: stop, overwrite nothing", Facts{Rotation: rotation(time.Hour), Shows: Shows{New: 1, Third: []string{"default"}}}, Blocked, Stopped, time.Time{}, "overwrites nothing", "keyd resume default"},
		{"the profile is gone: stop", Facts{Rotation: rotation(time.Hour), Shows: Shows{Gone: []string{"default"}}}, Blocked, Stopped, time.Time{}, "no longer in the files", "put it back; only if it is gone permanently: keyd resume default"},
		{"a file of it is not there: say so", Facts{Rotation: rotation(time.Hour), Shows: Shows{Gone: []string{"default"}, Away: "/mnt/credentials"}}, Blocked, Stopped, time.Time{}, "/mnt/credentials is not there", "is it on a disk that is not mounted? if it is gone permanently: keyd resume default"},
		{"given up, held, and in doubt: nothing is deleted", Facts{Rotation: rotation(time.Hour, func(r *Rotation) { r.Failed, r.Deactivating, r.Held = "why", now, now }), Shows: Shows{Doubt: errors.New("line 3")}}, Blocked, Stopped, time.Time{}, "line 3", ""},
		{"given up, and only the old id stands elsewhere: delete the new one", Facts{Copies: map[string]string{old: "/x"}, Rotation: rotation(time.Hour, func(r *Rotation) { r.Failed = "why" }), Shows: onOld}, Discard, Rotating, time.Time{}, "why", ""},
		{"only the new id stands elsewhere: the old one may go", Facts{Copies: map[string]string{fresh: "/x"}, Rotation: rotation(time.Hour), Shows: onNew}, Wait, Overlap, now.Add(23 * time.Hour), "stays usable", ""},
		{"the old id stands elsewhere: it may not", Facts{Copies: map[string]string{old: "/x", fresh: "/x"}, Rotation: rotation(time.Hour), Shows: onNew}, Blocked, Stopped, now.Add(recheck), "/x", "give /x its own key, or make it a symbolic link to the file that keyd reads"},
		{"given up, and the new id stands elsewhere: stop", Facts{Copies: map[string]string{fresh: "/x"}, Rotation: rotation(time.Hour, func(r *Rotation) { r.Failed = "why" }), Shows: onOld}, Blocked, Stopped, now.Add(recheck), "/x", "give /x its own key, or make it a symbolic link to the file that keyd reads"},
		{"held, old inactive: make it active again", Facts{Rotation: rotation(2*day, deactivated(day), held), Shows: onNew}, Revive, Held, time.Time{}, "", ""},
		{"held, old active: wait for a person", Facts{Rotation: rotation(2*day, held), Shows: onNew}, Wait, Held, time.Time{}, "held since", ""},
		{"held, and the file shows the old id: the person's choice", Facts{Rotation: rotation(2*day, held), Shows: onOld}, Wait, Held, time.Time{}, "", ""},
		{"the new key failed and is in the file: put the old pair back", Facts{Rotation: rotation(0, failed), Shows: onNew}, PutBack, Rotating, time.Time{}, "refused", ""},
		{"the new key failed and no file shows it: delete it again", Facts{Rotation: rotation(0, failed), Shows: onOld}, Discard, Rotating, time.Time{}, "refused", ""},
		{"the swap failed a moment ago: wait", Facts{Rotation: rotation(0, unswapped), Shows: onOld, Proven: true, Trouble: &Trouble{Do: Swap, At: now, Count: 2, Why: "disk full"}}, Wait, Waiting, now.Add(2 * time.Minute), "disk full", ""},
	}
	settings := DefaultSettings()
	settings.NeverAccounts = []string{"609629065308"}
	settings.Profiles = map[string]time.Duration{"legacy": Never}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := row.facts
			f.ID = cmp.Or(f.ID, old)
			if f.Profiles == nil {
				f.Profiles = []string{"default"}
			}
			if r := f.Rotation; r != nil && r.Old.ID == "" {
				r.Old.ID, r.Places = old, []Place{{Profile: "default"}}
			}
			d := Next(f, settings, now)
			if d.Do != row.do || d.State != row.state || !strings.Contains(d.Why, row.says) || !strings.HasPrefix(d.Run, row.run) {
				t.Errorf("%s (%s): %q, run %q", d.Do, d.State, d.Why, d.Run)
			}
			if !row.until.IsZero() && !d.Until.Equal(row.until) {
				t.Errorf("until %s, want %s", d.Until, row.until)
			}
			if d.Do == Blocked && d.Why == "" || d.Why == "" {
				t.Error("no reason is given")
			}
		})
	}
}

func older(s *Seen, by time.Duration) *Seen { s.At = s.At.Add(-by); return s }

func offset(s *Seen, by time.Duration) *Seen { s.Offset = by; return s }

func unswapped(r *Rotation) { r.Swapped, r.Validated = time.Time{}, time.Time{} }

func held(r *Rotation) { r.Held = r.Validated.Add(time.Minute) }

func failed(r *Rotation) { r.Failed = "AWS refused it" }

func TestJitterIsStableAndWithinATenth(t *testing.T) {
	different := map[time.Duration]bool{}
	for id := range strings.SplitSeq("AKIAA AKIAB AKIAC AKIAD AKIAE AKIAF AKIAG AKIAH", " ") {
		j := jitter(60*day, id)
		if j < 54*day || j > 66*day || j != jitter(60*day, id) {
			t.Errorf("%s: %s", id, j)
		}
		different[j] = true
	}
	if len(different) < 6 {
		t.Errorf("only %d different days for 8 keys", len(different))
	}
}

func TestRetriesNeverStopAndNeverRush(t *testing.T) {
	total := time.Duration(0)
	for n := 1; n < 60; n++ {
		step := retryAfter(n)
		if step < retryAfter(n-1) || step > 6*time.Hour {
			t.Errorf("failure %d waits %s after %s", n, step, retryAfter(n-1))
		}
		total += step
	}
	if total < 10*day {
		t.Errorf("59 failures in %s", total)
	}
}

func TestTheNetworkIsAskedOftenAndNeverInStep(t *testing.T) {
	at, total := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), time.Duration(0)
	drawn := map[time.Duration]bool{}
	for n := range 1000 {
		step := offlineAfter(n, at.Add(total))
		if step < 10*time.Second || step > 15*time.Minute || step > max(retryAfter(n), 10*time.Second) {
			t.Fatalf("failure %d waits %s", n, step)
		}
		drawn[step] = true
		total += step
	}
	if mean := total / 1000; mean < 6*time.Minute || mean > 9*time.Minute || len(drawn) < 900 {
		t.Errorf("%s on average, %d different", mean, len(drawn))
	}
}
