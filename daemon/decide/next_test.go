package decide

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestNext specifies what keyd does and when. Each row is one sentence: given these
// facts, keyd decides this.
func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const old, fresh, other = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW2", "AKIAOTHEROTHEROTHER3"

	seen := func(age time.Duration, more ...ListedKey) *Seen {
		return &Seen{At: now, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice", User: "alice",
			Keys: append([]ListedKey{{ID: old, Active: true, Created: ago(age)}}, more...)}
	}
	both := func(oldActive bool) *Seen {
		return &Seen{At: now, User: "alice", Keys: []ListedKey{{ID: old, Active: oldActive, Created: ago(70 * settings.Day)}, {ID: fresh, Active: true, Created: ago(9 * settings.Day)}}}
	}
	// rotation returns a rotation whose files have shown the new id for the time swapped.
	rotation := func(swapped time.Duration, edit ...func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: old}, New: credfile.Key{ID: fresh}, User: "alice", Places: []journal.Place{{Profile: "default"}},
			CreateSent: ago(swapped + time.Minute), Created: ago(swapped + time.Minute), Swapped: ago(swapped), Validated: ago(swapped), Described: true}
		for _, e := range edit {
			e(r)
		}
		return r
	}
	useRead := func(when time.Duration, u *remote.Use) func(*journal.Rotation) {
		return func(r *journal.Rotation) { r.UseChecked, r.LastUse = ago(when), u }
	}
	deactivated := func(when time.Duration) func(*journal.Rotation) {
		return func(r *journal.Rotation) { r.DeactivateStarted, r.Deactivated = ago(when), ago(when) }
	}
	denied := func(when time.Duration) func(*journal.Rotation) {
		return func(r *journal.Rotation) { r.NoteUse(nil, true, ago(when)) }
	}
	dead := func(when time.Duration) func(*journal.Rotation) {
		return func(r *journal.Rotation) { r.NewDead = ago(when) }
	}
	withSecret := func(r *journal.Rotation) { r.Old.Secret = credfile.NewSecret("secret") }
	never := []string{"legacy"}
	onNew, onOld, mixed, torn := Placement{New: 1}, Placement{Old: 1}, Placement{Old: 1, New: 1}, Placement{Old: 1, Torn: 1}

	rows := []struct {
		name  string
		facts Facts
		do    Do
		state State
		until time.Time // checked when not zero
		says  string
		run   string
	}{
		{"nothing to rotate: skip, with the reason of the files", Facts{SkipReason: "temporary credentials"}, DoSkip, StateSkipped, time.Time{}, "temporary", ""},
		{"unreadable: a person, until the files change", Facts{Unreadable: &Unread{Why: "f:3: glued", Hint: "begin a new line"}, Seen: seen(70 * settings.Day)}, DoBlock, StateBlocked, time.Time{}, "f:3: glued", "begin a new line"},
		{"unreadable, and a rotation that cannot be read: a person", Facts{Unreadable: &Unread{Why: "f:3: glued", Hint: "begin a new line"}, RotationErr: errors.New("damaged")}, DoBlock, StateBlocked, time.Time{}, "f:3: glued", "begin a new line"},
		{"unreadable, and excluded by keyd.ini: skip", Facts{Unreadable: &Unread{Why: "f:3: glued"}, Profiles: []string{"legacy"}}, DoSkip, StateSkipped, time.Time{}, "rotate = never", ""},
		{"unreadable, and a decoy: skip", Facts{Unreadable: &Unread{Why: "f:3: glued", IDs: []string{"AKIASP2TPHJSQH3FJRUX"}}}, DoSkip, StateSkipped, time.Time{}, "decoy key", ""},
		{"unreadable, a decoy and another key: a person", Facts{Unreadable: &Unread{Why: "f:3: glued", IDs: []string{"AKIASP2TPHJSQH3FJRUX", old}}}, DoBlock, StateBlocked, time.Time{}, "f:3: glued", ""},
		{"excluded by keyd.ini: skip, without a call", Facts{Profiles: []string{"legacy"}}, DoSkip, StateSkipped, time.Time{}, "rotate = never", ""},
		{"never looked at: look", Facts{}, DoLook, StateOK, time.Time{}, "", ""},
		{"young: wait until it is due", Facts{Seen: seen(12 * settings.Day)}, DoWait, StateOK, ago(12 * settings.Day).Add(AddJitter(60*settings.Day, old, "")), "12d old", ""},
		{"young, and looked at forty days ago: not a single call", Facts{Seen: older(seen(41*settings.Day), 40*settings.Day)}, DoWait, StateOK, ago(41 * settings.Day).Add(AddJitter(60*settings.Day, old, "")), "41d old", ""},
		{"young, looked at an hour ago, and a person asks: look", Facts{Seen: older(seen(12*settings.Day), time.Hour), Options: Options{Manual: true}}, DoLook, StateOK, time.Time{}, "", ""},
		{"not a user's key, looked at a day ago: a no is not believed for longer", Facts{Seen: &Seen{At: ago(settings.Day), Root: true, Account: "1"}}, DoLook, StateOK, time.Time{}, "", ""},
		{"young, but forced: preflight", Facts{Seen: seen(12 * settings.Day), Options: Options{Manual: true, Force: true}}, DoPreflight, StateDue, time.Time{}, "12d old", ""},
		{"due: preflight first", Facts{Seen: seen(70 * settings.Day)}, DoPreflight, StateDue, time.Time{}, "70d old", ""},
		{"due, but the look is older than two minutes: look again", Facts{Seen: older(seen(70*settings.Day), 3*time.Minute)}, DoLook, StateDue, time.Time{}, "", ""},
		{"due and preflight passed: create", Facts{Seen: seen(70 * settings.Day), PreflightDone: true}, DoCreate, StateDue, time.Time{}, "", ""},
		{"due, but the clock is an hour off: a person", Facts{Seen: offset(seen(70*settings.Day), time.Hour)}, DoBlock, StateBlocked, now.Add(settings.Day), "clock", "set the clock"},
		{"a root key: never", Facts{Seen: &Seen{At: now, Root: true, Account: "1"}}, DoSkip, StateSkipped, time.Time{}, "AWS advises deleting it", ""},
		{"a root key, says a stand-in: never, but that is not AWS's advice", Facts{Seen: &Seen{At: now, Root: true, Account: "1"}, CustomEndpoint: "http://localhost:4566"}, DoSkip, StateSkipped, time.Time{}, "http://localhost:4566 says that this is the root key of account 1: keyd never touches it", ""},
		{"due, but there is an older second active key: a person, with both ways out", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(90 * settings.Day), LastUse: &remote.Use{At: ago(3 * settings.Day), Service: "s3", Region: "eu-west-1"}})},
			DoBlock, StateBlocked, now.Add(settings.Day), "made 90d ago, last used 3d ago by s3 in eu-west-1: it may be another machine's", "if another machine uses it (last used 3d ago by s3 in eu-west-1), give each machine its own IAM user: keyd policy --second-user default; only if no one needs it, deactivate it: keyd prune default " + other},
		{"due, and who uses the older second active key is unknown: pruning comes second", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(90 * settings.Day)})},
			DoBlock, StateBlocked, now.Add(settings.Day), "last use unknown: it may be another machine's", "if another machine uses it (last use unknown), give each machine its own IAM user: "},
		{"due, and the older second active key was never used, as IAMs say that record no use", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(90 * settings.Day), LastUse: &remote.Use{}})},
			DoBlock, StateBlocked, now.Add(settings.Day), "never used: it may be another machine's", "if another machine uses it (never used), give each machine its own IAM user: "},
		{"due, and the older second active key was last used long ago: pruning comes first", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(90 * settings.Day), LastUse: &remote.Use{At: ago(60 * settings.Day), Service: "s3", Region: "eu-west-1"}})},
			DoBlock, StateBlocked, now.Add(settings.Day), "last used 60d ago by s3 in eu-west-1", "if no one needs it, deactivate it: keyd prune default " + other + "; if another machine uses it, give each machine its own IAM user: keyd policy --second-user default"},
		{"due, but there is an active key of a minute ago: another machine is replacing it, wait", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(time.Minute)})},
			DoWait, StateWaiting, now.Add(settings.Day - time.Minute), "another machine has replaced or is replacing this key", "copy profile default from the machine that shows AKIA..HER3 to this one; or give this machine its own IAM user: keyd policy --second-user default"},
		{"due, but there is a newer active key: a person has to bring it here", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(3 * settings.Day)})},
			DoBlock, StateBlocked, now.Add(settings.Day), "another machine has replaced this key", "copy profile default"},
		{"due, but there is an active key of a minute ago, and the clock is behind: wait", Facts{Seen: offset(seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: now.Add(2 * time.Minute)}), 3*time.Minute)},
			DoWait, StateWaiting, now.Add(settings.Day - time.Minute), "another machine", "copy profile"},
		{"young, and the key that it has replaced is still there, without a journal: a person", Facts{Seen: seen(3*settings.Day, ListedKey{ID: other, Active: true, Created: ago(70 * settings.Day)}), Replaces: other},
			DoBlock, StateBlocked, now.Add(settings.Day), "AKIA..OLD1 has replaced AKIA..HER3, which is still active, last use unknown: the journal of that rotation is gone, so keyd does not end it", "see where it may still be needed: keyd history " + other + "; if nothing uses it any more, make it inactive: keyd prune default " + other},
		{"young, and the key that it has replaced is still there, inactive", Facts{Seen: seen(3*settings.Day, ListedKey{ID: other, Created: ago(70 * settings.Day)}), Replaces: other},
			DoBlock, StateBlocked, now.Add(settings.Day), "which is inactive, last use unknown", "see where it may still be needed: keyd history " + other + "; if nothing has failed since: keyd prune default " + other},
		{"due, and the key that it has replaced is still there", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(140 * settings.Day)}), Replaces: other},
			DoBlock, StateBlocked, now.Add(settings.Day), "the journal of that rotation is gone", "see where it may still be needed"},
		{"the key that it has replaced was there a day ago: ask again", Facts{Seen: older(seen(3*settings.Day, ListedKey{ID: other, Active: true, Created: ago(70 * settings.Day)}), settings.Day), Replaces: other},
			DoLook, StateBlocked, time.Time{}, "asking AWS whether AKIA..HER3 is still there", ""},
		{"young, and nobody but keyd has used the key that it has replaced", Facts{Seen: seen(3*settings.Day, ListedKey{ID: other, Active: true, Created: ago(70 * settings.Day), Since: now, LastUse: &remote.Use{At: ago(3*settings.Day - time.Minute), Service: "iam", Region: "us-east-1"}}), Replaces: other},
			DoBlock, StateBlocked, now.Add(settings.Day), "still active, not used since as far as AWS has recorded: the journal", ""},
		{"young, and somebody uses the key that it has replaced", Facts{Seen: seen(3*settings.Day, ListedKey{ID: other, Active: true, Created: ago(70 * settings.Day), LastUse: &remote.Use{At: ago(settings.Day), Service: "s3", Region: "eu-west-1"}}), Replaces: other},
			DoBlock, StateBlocked, now.Add(settings.Day), "still active, last used 1d ago by s3 in eu-west-1: the journal", ""},
		{"young, and the key that it has replaced is no longer listed", Facts{Seen: seen(3 * settings.Day), Replaces: other}, DoWait, StateOK, time.Time{}, "3d old", ""},
		{"young, and the key that it has replaced is used by another profile here", Facts{Seen: seen(3*settings.Day, ListedKey{ID: other, Active: true, Created: ago(70 * settings.Day)}), Replaces: other, ShownBy: map[string]string{other: "work"}}, DoWait, StateOK, time.Time{}, "3d old", ""},
		{"due, but there is an active key of a minute ago that this keyd made, and no journal: a person", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(time.Minute)}), MadeHere: map[string]bool{other: true}},
			DoBlock, StateBlocked, now.Add(settings.Day), "keyd itself made AKIA..HER3", "if nothing uses it: keyd prune default " + other},
		{"another installation began it, and the overlap has just ended: leave the old key to it", Facts{Installation: "b", Rotation: rotation(7*settings.Day+5*time.Hour, useRead(time.Minute, nil), byOther), Placement: onNew, Seen: both(true)}, DoWait, StateOverlap, ago(7*settings.Day + 5*time.Hour).Add(8 * settings.Day), "keyd on desk began this rotation", ""},
		{"another installation began it, and has not gone on for days: a person", Facts{Installation: "b", Rotation: rotation(9*settings.Day, useRead(time.Minute, nil), byOther), Placement: onNew, Seen: both(true)}, DoBlock, StateBlocked, now.Add(settings.Day), "keyd on desk began this rotation", "if keyd no longer runs on desk, and no file there shows AKIA..OLD1: keyd resume default"},
		{"an earlier installation here began it, whose state is lost: a person, and no word of another machine", Facts{Installation: "b", Host: "desk", Rotation: rotation(9*settings.Day, useRead(time.Minute, nil), byOther), Placement: onNew, Seen: both(true)}, DoBlock, StateBlocked, now.Add(settings.Day), "another keyd on desk began this rotation, which is also the name of this machine: its state folder was lost or put back since, or another machine has the same name", "if no other machine is called desk, or no file there shows AKIA..OLD1: keyd resume default"},
		{"another installation began it, under another name", Facts{Installation: "b", Host: "sofa", Rotation: rotation(9*settings.Day, useRead(time.Minute, nil), byOther), Placement: onNew, Seen: both(true)}, DoBlock, StateBlocked, now.Add(settings.Day), "keyd on desk began this rotation, and this is another installation of it, on sofa: the keys of", "if keyd no longer runs on desk"},
		{"another installation began it, and the old key was used until a week ago: its overlap has just ended", Facts{Installation: "b", Rotation: rotation(15*settings.Day, useRead(time.Minute, &remote.Use{At: ago(7*settings.Day + 5*time.Hour), Service: "s3"}), byOther), Placement: onNew, Seen: both(true)}, DoWait, StateOverlap, ago(time.Hour).Add(settings.Day + 15*time.Minute), "keyd on desk began this rotation", ""},
		{"another installation began it, and a person wants the old key retired here", Facts{Installation: "b", Rotation: rotation(9*settings.Day, useRead(time.Minute, nil), byOther), Placement: onNew, Seen: both(true), Options: Options{Manual: true, RetireNow: true}}, DoDeactivate, StateOverlap, time.Time{}, "", ""},
		{"another installation began it, and this file still shows the old pair: prove the new one", Facts{Installation: "b", Rotation: rotation(0, unswapped, byOther), Placement: onOld}, DoProve, StateRotating, time.Time{}, "", ""},
		{"another installation's new key failed: it is not deleted here", Facts{Installation: "b", Rotation: rotation(0, failed, byOther), Placement: onOld}, DoWait, StateRotating, time.Time{}, "began this rotation", ""},
		{"an earlier installation here has just sent Create", Facts{Installation: "b", Host: "desk", Rotation: &journal.Rotation{Installation: "a", Host: "desk", CreateSent: ago(time.Minute)}, Placement: onOld}, DoWait, StateWaiting, now.Add(14 * time.Minute), "another keyd on desk is replacing this key", ""},
		{"another installation has just sent Create: leave the call to it", Facts{Installation: "b", Rotation: &journal.Rotation{Installation: "a", Host: "desk", CreateSent: ago(time.Minute)}, Placement: onOld}, DoWait, StateWaiting, now.Add(14 * time.Minute), "keyd on desk is replacing this key", ""},
		{"due, but a profile shows the second key: a person", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(time.Minute)}), ShownBy: map[string]string{other: "bob"}},
			DoBlock, StateBlocked, now.Add(settings.Day), "which bob uses", "make default and bob use the newer of the two keys, then keyd prune default; or give each of them its own IAM user: keyd policy --second-user default"},
		{"due, and a second key is listed for the first time: lists lag, ask once more", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Since: now})}, DoWait, StateWaiting, now.Add(time.Minute), "asking once more", ""},
		{"a second key was listed a minute ago: ask once more", Facts{Seen: older(seen(70*settings.Day, ListedKey{ID: other, Since: ago(time.Minute)}), time.Minute)}, DoLook, StateDue, time.Time{}, "asking once more", ""},
		{"a second key is listed for the first time, and a person asks: say so at once", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Since: now}), Options: Options{Manual: true}}, DoBlock, StateBlocked, time.Time{}, "inactive", "keyd prune default"},
		{"due, but there is a second inactive key: a person", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other})}, DoBlock, StateBlocked, time.Time{}, "inactive", "keyd prune default"},
		{"IAM does not list the key that signs: wait, the list lags", Facts{Seen: &Seen{At: now, User: "alice"}}, DoWait, StateWaiting, now.Add(3 * time.Hour), "does not list", ""},
		{"the last look failed a moment ago: wait a minute", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 1, Why: "no network"}}, DoWait, StateWaiting, now.Add(time.Minute), "no network", ""},
		{"the last look failed an hour ago: look", Facts{Failure: &Failure{Do: DoLook, At: ago(time.Hour), Count: 1}}, DoLook, StateOK, time.Time{}, "", ""},
		{"it has failed for a week, and the age is not known: a person", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 40, Lasted: 7 * settings.Day, Why: "no answer"}}, DoBlock, StateBlocked, now.Add(6 * time.Hour), "for more than 1d: no answer", "keyd rotate"},
		{"it has failed for a day, and the key is too old: a person", Facts{Failure: &Failure{Do: DoPreflight, At: now, Count: 17, Lasted: settings.Day, Why: "no answer"}, Seen: seen(91 * settings.Day)}, DoBlock, StateBlocked, now.Add(6 * time.Hour), "for more than 1d", "keyd rotate"},
		{"no network for less than a week: wait", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 900, Lasted: 6 * settings.Day, Offline: true, Why: "no such host"}, Seen: seen(70 * settings.Day)}, DoWait, StateWaiting, time.Time{}, "", ""},
		{"no network for a week of awake time: a person", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 900, Lasted: 8 * settings.Day, Offline: true, Why: "no such host"}, Seen: seen(70 * settings.Day)}, DoBlock, StateBlocked, time.Time{}, "for more than 7d: no such host", "keyd rotate"},
		{"AWS refused: a person, and a daily re-check", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 1, Why: "denied", NeedsPerson: true}}, DoBlock, StateBlocked, now.Add(settings.Day), "denied", ""},
		{"no network a moment ago: wait, at most as long as the table says", Facts{Failure: &Failure{Do: DoLook, At: now, Count: 5, Why: "no such host", Offline: true}}, DoWait, StateWaiting, now.Add(offlineRetryAfter(5, now, old)), "no such host", ""},
		{"no network for days: a quarter of an hour at most", Facts{Failure: &Failure{Do: DoLook, At: ago(15 * time.Minute), Count: 90, Offline: true}}, DoLook, StateOK, time.Time{}, "", ""},
		{"no network, then the machine slept and woke: try at once", Facts{Failure: &Failure{Do: DoLook, At: ago(8 * time.Second), Count: 5, Offline: true}, AwakeSince: ago(7 * time.Second)}, DoLook, StateOK, time.Time{}, "", ""},
		{"AWS refused, then the machine slept and woke: that changes nothing", Facts{Failure: &Failure{Do: DoLook, At: ago(8 * time.Second), Count: 1, Why: "denied", NeedsPerson: true}, AwakeSince: ago(7 * time.Second)}, DoBlock, StateBlocked, time.Time{}, "denied", ""},
		{"it failed in the future, and the clock has been set back: do not wait for that day", Facts{Failure: &Failure{Do: DoLook, At: now.Add(settings.Day), Count: 1}}, DoLook, StateOK, time.Time{}, "", ""},
		{"looked at in the future, and the clock has been set back: look", Facts{Seen: older(seen(12*settings.Day), -settings.Day)}, DoLook, StateOK, time.Time{}, "", ""},
		{"due, looked at a minute ago, but woken since: look again before any rotation", Facts{Seen: older(seen(70*settings.Day), time.Minute), AwakeSince: ago(30 * time.Second)}, DoLook, StateDue, time.Time{}, "", ""},
		{"due, woken a minute ago, and AWS has answered since: preflight", Facts{Seen: seen(70 * settings.Day), AwakeSince: ago(time.Minute)}, DoPreflight, StateDue, time.Time{}, "", ""},
		{"due, but a key was made for the user six hours ago: never two within a day", Facts{Seen: seen(70 * settings.Day), LastRotation: ago(6 * time.Hour)}, DoWait, StateDue, now.Add(18 * time.Hour), "never two", ""},
		{"due, and the last key was made for the user yesterday: preflight", Facts{Seen: seen(70 * settings.Day), LastRotation: ago(settings.Day)}, DoPreflight, StateDue, time.Time{}, "", ""},
		{"due, a key was made six hours ago, and a person asks: preflight", Facts{Seen: seen(70 * settings.Day), LastRotation: ago(6 * time.Hour), Options: Options{Manual: true}}, DoPreflight, StateDue, time.Time{}, "", ""},
		{"a decoy key: not a single call", Facts{ID: "AKIASP2TPHJSQH3FJRUX"}, DoSkip, StateSkipped, time.Time{}, "decoy key: account 171436882533", ""},
		{"a key of an account in never_accounts: not a single call", Facts{ID: "AKIAY34FZKBOKMUTVV7A"}, DoSkip, StateSkipped, time.Time{}, "never_accounts", ""},
		{"a key whose id hides its account, once AWS has named one of never_accounts: no further call", Facts{Seen: &Seen{At: ago(settings.Day), Account: "609629065308"}}, DoSkip, StateSkipped, time.Time{}, "never_accounts", ""},
		{"a rotation of such a key that is already in progress: nothing more is done to a key", Facts{Rotation: rotation(0, unswapped), Placement: onOld, Seen: &Seen{Account: "609629065308"}}, DoWait, StateHeld, time.Time{}, "never_accounts in keyd.ini holds the rotation", "to let it continue"},
		{"the overlap is over, looked at a minute ago, but woken since: look again", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: older(both(true), time.Minute), AwakeSince: ago(30 * time.Second)}, DoLook, StateOverlap, time.Time{}, "", ""},

		{"the answer to Create was lost: reconcile, whatever the list says", Facts{Rotation: &journal.Rotation{Old: credfile.Key{ID: old}, CreateSent: ago(time.Minute)}, Placement: onOld}, DoReconcile, StateRotating, time.Time{}, "lost", ""},
		{"a key appeared since then: wait until AWS can say whether anyone uses it", Facts{Rotation: &journal.Rotation{Old: credfile.Key{ID: old}, Suspects: []string{other}, Reconciled: now, JudgeAt: now.Add(4 * time.Hour)}, Placement: onOld}, DoWait, StateWaiting, now.Add(4 * time.Hour), "AKIA..HER3 appeared", ""},
		{"AWS can say so by now: judge the keys again", Facts{Rotation: &journal.Rotation{Old: credfile.Key{ID: old}, Suspects: []string{other}, Reconciled: ago(4 * time.Hour), JudgeAt: now}, Placement: onOld}, DoReconcile, StateRotating, time.Time{}, "", ""},
		{"the wait for that is longer than any key is young: judge them again", Facts{Rotation: &journal.Rotation{Old: credfile.Key{ID: old}, Reconciled: now, JudgeAt: now.Add(5 * time.Hour)}, Placement: onOld}, DoReconcile, StateRotating, time.Time{}, "", ""},
		{"no one has used the key of the lost answer: look before anything is done", Facts{Rotation: &journal.Rotation{OrphanID: other, Reconciled: now}, Placement: onOld, Seen: older(seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(5 * time.Hour)}), time.Minute)}, DoLook, StateRotating, time.Time{}, "", ""},
		{"no one has used it, four hours after it was made: set it aside", Facts{Rotation: &journal.Rotation{OrphanID: other, Reconciled: ago(time.Minute)}, Placement: onOld, Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(4 * time.Hour)})}, DoSetAside, StateRotating, time.Time{}, "no one has used it", ""},
		{"no one has used it, but AWS's record of uses cannot be believed yet: wait", Facts{Rotation: &journal.Rotation{OrphanID: other, Reconciled: ago(time.Minute)}, Placement: onOld, Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(3 * time.Hour)})}, DoWait, StateWaiting, now.Add(time.Hour), "", ""},
		{"no one has used it, but the clock is off: a person", Facts{Rotation: &journal.Rotation{OrphanID: other, Reconciled: ago(time.Minute)}, Placement: onOld, Seen: offset(seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(5 * time.Hour)}), -10*settings.Day)}, DoBlock, StateBlocked, time.Time{}, "clock", ""},
		{"keyd cannot tell whose a key is: a person, who may name it", Facts{Rotation: &journal.Rotation{Places: []journal.Place{{Profile: "default"}}, StuckReason: "cannot tell", Suspects: []string{other}, Reconciled: ago(time.Hour)}, Placement: onOld}, DoBlock, StateBlocked, now.Add(23 * time.Hour), "cannot tell", "if no one needs that key: keyd prune default " + other + "; if it is gone: keyd resume default"},
		{"keyd cannot tell, since it may not read the uses: nothing leads to the removal of the key", Facts{Rotation: &journal.Rotation{Places: []journal.Place{{Profile: "default"}}, StuckReason: "cannot tell", Suspects: []string{other}, UseUnread: true, Reconciled: now}, Placement: onOld}, DoBlock, StateBlocked, time.Time{}, "cannot tell", "allow this user iam:GetAccessKeyLastUsed, see keyd policy default; then keyd rotate default"},
		{"keyd could not tell a day ago: judge the keys again, somebody may have used one", Facts{Rotation: &journal.Rotation{StuckReason: "cannot tell", Suspects: []string{other}, Reconciled: ago(settings.Day)}, Placement: onOld}, DoReconcile, StateRotating, time.Time{}, "", ""},
		{"keyd could not tell, and a person asks again: judge them again", Facts{Rotation: &journal.Rotation{StuckReason: "cannot tell", Suspects: []string{other}, Reconciled: ago(time.Hour)}, Placement: onOld, Options: Options{Manual: true}}, DoReconcile, StateRotating, time.Time{}, "", ""},
		{"a key that probably came from it: only after the quarantine", Facts{Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: now, Places: []journal.Place{{Profile: "default"}}}, Placement: onOld}, DoWait, StateQuarantine, now.Add(7 * settings.Day), "or now by keyd prune default " + other, ""},
		{"its quarantine is over: ask AWS for the time, then drop it", Facts{Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: ago(8 * settings.Day)}, Placement: onOld}, DoLook, StateQuarantine, time.Time{}, "", ""},
		{"its quarantine is over by AWS's time as well: drop it", Facts{Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: ago(8 * settings.Day)}, Placement: onOld, Seen: seen(70 * settings.Day)}, DoDropOrphan, StateRotating, time.Time{}, "", ""},
		{"its quarantine is over by a clock that is wrong: a person", Facts{Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: ago(8 * settings.Day)}, Placement: onOld, Seen: offset(seen(70*settings.Day), -10*settings.Day)}, DoBlock, StateBlocked, time.Time{}, "clock", ""},
		{"held before the outcome of Create is known: wait, or another rotation would begin", Facts{Rotation: &journal.Rotation{CreateSent: ago(time.Minute), Held: now}, Placement: onOld}, DoWait, StateHeld, time.Time{}, "left open", ""},
		{"held: it is not dropped", Facts{Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: ago(8 * settings.Day), Held: now}, Placement: onOld}, DoWait, StateHeld, time.Time{}, "is not deleted", ""},
		{"a new pair, and the file shows the old one: prove it before anyone sees it", Facts{Rotation: rotation(0, unswapped), Placement: onOld}, DoProve, StateRotating, time.Time{}, "", ""},
		{"proven: swap", Facts{Rotation: rotation(4*time.Minute, unswapped), Placement: onOld, Proven: true}, DoSwap, StateRotating, time.Time{}, "", ""},
		{"proven, but a minute old: the daemon is in no hurry", Facts{Rotation: rotation(0, unswapped), Placement: onOld, Proven: true}, DoWait, StateRotating, now.Add(4 * time.Minute), "asks once more", ""},
		{"proven and a minute old, and a person waits: swap", Facts{Rotation: rotation(0, unswapped), Placement: onOld, Proven: true, Options: Options{Manual: true}}, DoSwap, StateRotating, time.Time{}, "", ""},
		{"proven and a minute old, and half the files show it: swap the rest", Facts{Rotation: rotation(0, unswapped), Placement: mixed, Proven: true}, DoSwap, StateRotating, time.Time{}, "", ""},
		{"proven, and created by a clock that was a day ahead: swap", Facts{Rotation: rotation(-settings.Day, unswapped), Placement: onOld, Proven: true}, DoSwap, StateRotating, time.Time{}, "", ""},
		{"half the files are swapped: prove and swap the rest", Facts{Rotation: rotation(0, unswapped), Placement: mixed}, DoProve, StateRotating, time.Time{}, "", ""},
		{"swapped: validate what is on disk", Facts{Rotation: rotation(0, unswapped), Placement: onNew}, DoValidate, StateRotating, time.Time{}, "", ""},
		{"validated: describe it for the console", Facts{Rotation: rotation(0, func(r *journal.Rotation) { r.Described = false }), Placement: onNew}, DoDescribe, StateOverlap, time.Time{}, "", ""},
		{"in the overlap: wait", Facts{Rotation: rotation(time.Hour), Placement: onNew}, DoWait, StateOverlap, now.Add(7*settings.Day + 3*time.Hour), "works until the overlap is over", ""},
		{"mended five minutes ago at the end of the overlap: it begins again", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil), func(r *journal.Rotation) { r.Swapped = ago(5 * time.Minute) }), Placement: onNew, Seen: both(true)}, DoWait, StateOverlap, now.Add(7*settings.Day + 4*time.Hour - 5*time.Minute), "keyd mended", ""},
		{"in the overlap, a day after the last look: is the new key still there?", Facts{Rotation: rotation(2 * settings.Day), Placement: onNew, Seen: older(both(true), settings.Day)}, DoLook, StateOverlap, time.Time{}, "still works", ""},
		{"in the overlap, and a person asks: look", Facts{Rotation: rotation(time.Hour), Placement: onNew, Options: Options{Manual: true}}, DoLook, StateOverlap, time.Time{}, "still works", ""},
		{"in the overlap, at midnight and some minutes: read the use", Facts{Rotation: rotation(2*settings.Day, useRead(10*time.Hour, nil)), Placement: onNew, Seen: both(true)}, DoCheckUse, StateOverlap, time.Time{}, "", ""},
		{"in the overlap, the use was read an hour ago: wait", Facts{Rotation: rotation(2*settings.Day, useRead(time.Hour, nil)), Placement: onNew, Seen: both(true)}, DoWait, StateOverlap, now.Add(5*settings.Day + 4*time.Hour), "", ""},
		{"in the overlap, the use was read an hour ago, and a person asks: read it", Facts{Rotation: rotation(2*settings.Day, useRead(time.Hour, nil)), Placement: onNew, Seen: both(true), Watched: true, Options: Options{Manual: true}}, DoCheckUse, StateOverlap, time.Time{}, "", ""},
		{"the overlap is over, and the use was read before that: ask for it", Facts{Rotation: rotation(8*settings.Day, useRead(20*time.Hour, nil)), Placement: onNew, Seen: both(true)}, DoCheckUse, StateOverlap, time.Time{}, "", ""},
		{"still used: wait for as long again, and say by what", Facts{Rotation: rotation(5*settings.Day, useRead(time.Minute, &remote.Use{At: ago(2 * time.Hour), Service: "s3", Region: "eu-west-1"})), Placement: onNew, Seen: both(true)},
			DoWait, StateOverlap, now.Add(7*settings.Day + 2*time.Hour + 15*time.Minute), "still used by s3 in eu-west-1, 2h ago: it keeps working until it has been quiet for 7d", ""},
		{"used once, five days ago: a use that has ended stops counting", Facts{Rotation: rotation(6*settings.Day, useRead(time.Minute, &remote.Use{At: ago(5 * settings.Day), Service: "s3", Region: "eu-west-1"})), Placement: onNew, Seen: both(true)},
			DoWait, StateOverlap, now.Add(2*settings.Day + 4*time.Hour + 15*time.Minute), "was last used by s3 in eu-west-1, 5d ago", ""},
		{"used an hour ago, and so usable beyond max_age: a person", Facts{Rotation: rotation(17*settings.Day, useRead(time.Minute, &remote.Use{At: ago(time.Hour), Service: "s3", Region: "eu-west-1"})), Placement: onNew, Seen: aged(both(true), 84*settings.Day)},
			DoBlock, StateBlocked, time.Time{}, "still used by s3 in eu-west-1, 1h ago: it cannot be deactivated before it is 90d old", "put the new key there as well; or stop waiting for that: keyd rotate --retire-now default"},
		{"a key that was older than max_age at the start, used on the first day: wait", Facts{Rotation: rotation(settings.Day, useRead(time.Minute, &remote.Use{At: ago(time.Hour)})), Placement: onNew, Seen: aged(both(true), 400*settings.Day)}, DoWait, StateOverlap, time.Time{}, "still used", ""},
		{"AWS does not tell: say so, and let the length of the overlap decide", Facts{Rotation: rotation(2*settings.Day, denied(time.Minute)), Placement: onNew, Seen: both(true)}, DoWait, StateOverlap, now.Add(5*settings.Day + 4*time.Hour), "iam:GetAccessKeyLastUsed is denied", ""},
		{"AWS does not tell, and the overlap is over: deactivate, and say so", Facts{Rotation: rotation(8*settings.Day, denied(time.Minute)), Placement: onNew, Seen: both(true)}, DoDeactivate, StateOverlap, time.Time{}, "iam:GetAccessKeyLastUsed is denied", ""},
		{"last used before the swap: look at both keys once more", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, &remote.Use{At: ago(8*settings.Day + time.Hour)})), Placement: onNew, Seen: older(both(true), time.Hour)}, DoLook, StateOverlap, time.Time{}, "both keys", ""},
		{"no one uses it and IAM lists both: deactivate", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: both(true)}, DoDeactivate, StateOverlap, time.Time{}, "", ""},
		{"no one used it, but that was read two hours ago: ask again", Facts{Rotation: rotation(9*settings.Day, useRead(2*time.Hour, nil)), Placement: onNew, Seen: both(true)}, DoCheckUse, StateOverlap, time.Time{}, "", ""},
		{"the last use was read in the future: ask again", Facts{Rotation: rotation(8*settings.Day, useRead(-settings.Day, nil)), Placement: onNew, Seen: both(true)}, DoCheckUse, StateOverlap, time.Time{}, "", ""},
		{"no one uses it, but the clock is an hour off: a person", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: offset(both(true), -time.Hour)}, DoBlock, StateBlocked, time.Time{}, "clock", "set the clock"},
		{"the clock was an hour off an hour ago: not asked again before a day is over", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: offset(older(both(true), time.Hour), -time.Hour)}, DoBlock, StateBlocked, now.Add(23 * time.Hour), "clock", "set the clock"},
		{"swapped in the future: look at the clock", Facts{Rotation: rotation(-settings.Day), Placement: onNew}, DoLook, StateOverlap, time.Time{}, "from the future", ""},
		{"swapped in the future of a clock that is behind: a person", Facts{Rotation: rotation(-settings.Day), Placement: onNew, Seen: offset(both(true), 2*settings.Day)}, DoBlock, StateBlocked, time.Time{}, "clock", "set the clock"},
		{"IAM does not list the new key as active: touch nothing", Facts{Rotation: rotation(8*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: seen(70 * settings.Day)}, DoBlock, StateBlocked, time.Time{}, "does not list", ""},
		{"a person asks to retire it now: skip the overlap and the last use, but look", Facts{Rotation: rotation(time.Second, func(r *journal.Rotation) { r.RetireNow = true }), Placement: onNew}, DoLook, StateOverlap, time.Time{}, "", ""},
		{"a person has asked to retire it now: the quarantine remains", Facts{Rotation: rotation(2*settings.Day, deactivated(time.Hour), func(r *journal.Rotation) { r.RetireNow = true }), Placement: onNew, Seen: both(false)}, DoWait, StateQuarantine, now.Add(7*settings.Day - time.Hour), "keyd hold", ""},
		{"a person has asked to delete it now: the quarantine is over as well", Facts{Rotation: rotation(2*settings.Day, deactivated(time.Hour), func(r *journal.Rotation) { r.DeleteNow = true }), Placement: onNew, Seen: both(false)}, DoDelete, StateQuarantine, time.Time{}, "", ""},
		{"a person has asked to retire it now: nobody says that it is not needed", Facts{Rotation: rotation(time.Hour), Placement: onNew, Seen: both(true), Options: Options{RetireNow: true}}, DoDeactivate, StateOverlap, time.Time{}, "the overlap of AKIA..", ""},
		{"a rehearsal of that", Facts{Rotation: rotation(2*settings.Day, deactivated(time.Hour)), Placement: onNew, Seen: both(false), Options: Options{RetireNow: true, DeleteNow: true}}, DoDelete, StateQuarantine, time.Time{}, "its quarantine is ended", ""},
		{"in the quarantine: wait", Facts{Rotation: rotation(2*settings.Day, deactivated(settings.Day)), Placement: onNew, Seen: both(false)}, DoWait, StateQuarantine, now.Add(6 * settings.Day), "keyd hold", ""},
		{"the quarantine is over: look, then delete", Facts{Rotation: rotation(9*settings.Day, deactivated(8*settings.Day)), Placement: onNew}, DoLook, StateQuarantine, time.Time{}, "", ""},
		{"inactive long enough: delete", Facts{Rotation: rotation(9*settings.Day, deactivated(8*settings.Day)), Placement: onNew, Seen: both(false)}, DoDelete, StateQuarantine, time.Time{}, "", ""},
		{"inactive long enough by a clock that is ten days ahead: a person", Facts{Rotation: rotation(9*settings.Day, deactivated(8*settings.Day)), Placement: onNew, Seen: offset(both(false), -10*settings.Day)}, DoBlock, StateBlocked, time.Time{}, "clock", "set the clock"},
		{"someone made it active again in its quarantine, and it is to be retired now: deactivate", Facts{Rotation: rotation(9*settings.Day, deactivated(8*settings.Day)), Placement: onNew, Seen: both(true), Watched: true, Options: Options{Manual: true, RetireNow: true}}, DoDeactivate, StateQuarantine, time.Time{}, "active again", ""},
		{"someone made it active again in its quarantine: a person", Facts{Rotation: rotation(9*settings.Day, deactivated(8*settings.Day)), Placement: onNew, Seen: both(true)}, DoBlock, StateBlocked, time.Time{}, "active again", "to keep it: keyd hold default; to retire it: keyd rotate --retire-now default"},

		{"a file shows the old id again: prove, then mend", Facts{Rotation: rotation(2*settings.Day, deactivated(settings.Day)), Placement: mixed}, DoProve, StateRotating, time.Time{}, "shows AKIA..OLD1 again", ""},
		{"the write was cut off by a power failure: mend at once, without a proof", Facts{Rotation: rotation(0, unswapped), Placement: torn}, DoMend, StateRotating, time.Time{}, "half of AKIA..OLD1 and half of", ""},
		{"half of each, next to a third id: mend, and leave the third alone", Facts{Rotation: rotation(0), Placement: Placement{Old: 1, Torn: 1, Foreign: []string{"work"}}}, DoMend, StateRotating, time.Time{}, "", ""},
		{"half of each, and held: mend, because no one can use it", Facts{Rotation: rotation(2*settings.Day, held), Placement: torn}, DoMend, StateRotating, time.Time{}, "", ""},
		{"half of each, and the new key failed: mend, then put back", Facts{Rotation: rotation(0, failed), Placement: torn}, DoMend, StateRotating, time.Time{}, "", ""},
		{"mending failed a moment ago: wait", Facts{Rotation: rotation(0, unswapped), Placement: torn, Failure: &Failure{Do: DoMend, At: now, Count: 1, Why: "disk full"}}, DoWait, StateWaiting, now.Add(time.Minute), "disk full", ""},
		{"put back by another program and mended: validate what is on disk again", Facts{Rotation: rotation(2*settings.Day, func(r *journal.Rotation) { r.MendStarted = now }), Placement: onNew}, DoValidate, StateRotating, time.Time{}, "", ""},
		{"a third id: stop, overwrite nothing", Facts{Rotation: rotation(time.Hour), Placement: Placement{New: 1, Foreign: []string{"default"}}}, DoBlock, StateBlocked, time.Time{}, "overwrites nothing", "keyd resume default"},
		{"the profile is gone: stop", Facts{Rotation: rotation(time.Hour), Placement: Placement{Missing: []string{"default"}}}, DoBlock, StateBlocked, time.Time{}, "no longer in the files", "put it back; only if it is gone permanently: keyd resume default"},
		{"a file of it is not there: say so", Facts{Rotation: rotation(time.Hour), Placement: Placement{Missing: []string{"default"}, Unmounted: "/mnt/credentials"}}, DoBlock, StateBlocked, time.Time{}, "/mnt/credentials is not there", "mount its disk; or, if it is gone permanently: keyd resume default"},
		{"given up and held, with an unreadable place: delete nothing", Facts{Rotation: rotation(time.Hour, func(r *journal.Rotation) { r.GiveUpReason, r.DeactivateStarted, r.Held = "why", now, now }), Placement: Placement{Ambiguous: errors.New("line 3")}}, DoBlock, StateBlocked, time.Time{}, "line 3", ""},
		{"given up, and another file shows only the old id: delete the new one", Facts{Copies: map[string]string{old: "/x"}, Rotation: rotation(time.Hour, func(r *journal.Rotation) { r.GiveUpReason = "why" }), Placement: onOld}, DoDiscard, StateRotating, time.Time{}, "why", ""},
		{"another file shows only the new id: the old one may be removed", Facts{Copies: map[string]string{fresh: "/x"}, Rotation: rotation(time.Hour), Placement: onNew}, DoWait, StateOverlap, now.Add(7*settings.Day + 3*time.Hour), "works until the overlap is over", ""},
		{"another file shows the old id: a person", Facts{Copies: map[string]string{old: "/x", fresh: "/x"}, Rotation: rotation(time.Hour), Placement: onNew}, DoBlock, StateBlocked, now.Add(RecheckEvery), "/x", "give /x its own key, or make it a symbolic link to the file that keyd reads"},
		{"given up, and another file shows the new id: stop", Facts{Copies: map[string]string{fresh: "/x"}, Rotation: rotation(time.Hour, func(r *journal.Rotation) { r.GiveUpReason = "why" }), Placement: onOld}, DoBlock, StateBlocked, now.Add(RecheckEvery), "/x", "give /x its own key, or make it a symbolic link to the file that keyd reads"},
		{"held, old inactive: make it active again", Facts{Rotation: rotation(2*settings.Day, deactivated(settings.Day), held), Placement: onNew}, DoRevive, StateHeld, time.Time{}, "", ""},
		{"held, old active: wait for a person", Facts{Rotation: rotation(2*settings.Day, held), Placement: onNew, Seen: both(true)}, DoWait, StateHeld, time.Time{}, "on hold since", ""},
		{"held, a day after the last look: is the new key still there?", Facts{Rotation: rotation(2*settings.Day, held), Placement: onNew, Seen: older(both(true), settings.Day)}, DoLook, StateHeld, time.Time{}, "still works", ""},
		{"held, and that look has just failed: the hold is what counts", Facts{Rotation: rotation(2*settings.Day, held), Placement: onNew, Seen: older(both(true), settings.Day), Watched: true}, DoWait, StateHeld, time.Time{}, "", ""},
		{"held, and the file shows the old id: the person's choice", Facts{Rotation: rotation(2*settings.Day, held), Placement: onOld}, DoWait, StateHeld, time.Time{}, "", ""},
		{"the new key failed and is in the file: put the old pair back", Facts{Rotation: rotation(0, failed), Placement: onNew}, DoPutBack, StateRotating, time.Time{}, "refused", ""},
		{"the new key failed and no file shows it: delete it again", Facts{Rotation: rotation(0, failed), Placement: onOld}, DoDiscard, StateRotating, time.Time{}, "refused", ""},
		{"the swap failed a moment ago: wait", Facts{Rotation: rotation(5*time.Minute, unswapped), Placement: onOld, Proven: true, Failure: &Failure{Do: DoSwap, At: now, Count: 2, Why: "disk full"}}, DoWait, StateWaiting, now.Add(2 * time.Minute), "disk full", ""},

		{"the new key was made inactive in the overlap: a person, with the old pair as the way back", Facts{Rotation: rotation(2*settings.Day, withSecret, dead(time.Minute)), Placement: onNew}, DoBlock, StateBlocked, now.Add(settings.Day - time.Minute), "AKIA..OLD1 still works", "to put AKIA..OLD1 back into the files: keyd hold default"},
		{"it was, a day ago: ask once more", Facts{Rotation: rotation(2*settings.Day, withSecret, dead(settings.Day)), Placement: onNew}, DoLook, StateBlocked, time.Time{}, "once more", ""},
		{"it was, and a person asks: ask once more", Facts{Rotation: rotation(2*settings.Day, withSecret, dead(time.Hour)), Placement: onNew, Options: Options{Manual: true}}, DoLook, StateBlocked, time.Time{}, "", ""},
		{"it was, in the quarantine: only an administrator", Facts{Rotation: rotation(2*settings.Day, withSecret, deactivated(settings.Day), dead(time.Minute)), Placement: onNew}, DoBlock, StateBlocked, time.Time{}, "only an administrator", "in the console of AWS, user alice: make AKIANEWNEWNEWNEWNEW2 active again"},
		{"it was, and an older keyd has erased the old secret: only an administrator", Facts{Rotation: rotation(2*settings.Day, dead(time.Minute)), Placement: onNew}, DoBlock, StateBlocked, time.Time{}, "no longer has the secret", "make AKIANEWNEWNEWNEWNEW2 active again in the console"},
		{"it was, and a person holds the rotation: put the old pair back", Facts{Rotation: rotation(2*settings.Day, withSecret, held, dead(time.Minute)), Placement: onNew}, DoPutBack, StateHeld, time.Time{}, "", ""},
		{"it was, in the quarantine, and a person holds the rotation: nothing can be revived with it, put the old pair back", Facts{Rotation: rotation(2*settings.Day, withSecret, held, deactivated(settings.Day), dead(time.Minute)), Placement: onNew}, DoPutBack, StateHeld, time.Time{}, "", ""},
		{"the old pair is back: wait for a person", Facts{Rotation: rotation(2*settings.Day, withSecret, held, dead(settings.Day)), Placement: onOld}, DoWait, StateHeld, time.Time{}, "this deletes AKIA..NEW2", ""},
		{"someone else put the old text back: it works, so do not write the dead pair over it", Facts{Rotation: rotation(2*settings.Day, withSecret, dead(time.Minute)), Placement: onOld}, DoBlock, StateBlocked, time.Time{}, "the files show AKIA..OLD1 again", "to keep it: keyd hold default"},
		{"given up after that, and held: delete nothing", Facts{Rotation: rotation(2*settings.Day, failed, held), Placement: onOld}, DoWait, StateHeld, time.Time{}, "this deletes AKIA..NEW2", ""},

		{"rotate = never before the swap: wait", Facts{Profiles: never, Rotation: rotation(time.Hour, unswapped), Placement: onOld}, DoWait, StateHeld, time.Time{}, "rotate = never in keyd.ini holds the rotation: the files show AKIA..OLD1", "to let it continue, take this out of keyd.ini: rotate = never"},
		{"rotate = never, and the answer to Create was lost: find nothing out", Facts{Profiles: never, Rotation: &journal.Rotation{CreateSent: ago(time.Hour)}, Placement: onOld}, DoWait, StateHeld, time.Time{}, "left open", ""},
		{"rotate = never after the swap: validate", Facts{Profiles: never, Rotation: rotation(time.Hour, func(r *journal.Rotation) { r.Validated = time.Time{} }), Placement: onNew}, DoValidate, StateRotating, time.Time{}, "", ""},
		{"rotate = never in the overlap that is over: hold", Facts{Profiles: never, Rotation: rotation(30*settings.Day, useRead(time.Minute, nil)), Placement: onNew, Seen: both(true)}, DoWait, StateHeld, time.Time{}, "both stay usable", "to let it continue"},
		{"rotate = never, and a person had asked to delete it: hold", Facts{Profiles: never, Rotation: rotation(time.Hour, func(r *journal.Rotation) { r.DeleteNow = true }), Placement: onNew, Seen: both(true)}, DoWait, StateHeld, time.Time{}, "both stay usable", ""},
		{"rotate = never in the quarantine that is over: hold", Facts{Profiles: never, Rotation: rotation(30*settings.Day, deactivated(20*settings.Day)), Placement: onNew, Seen: both(false)}, DoWait, StateHeld, time.Time{}, "is inactive and is not deleted", ""},
		{"rotate = never, and a file shows the old id again: heal it", Facts{Profiles: never, Rotation: rotation(30*settings.Day, deactivated(20*settings.Day)), Placement: mixed}, DoProve, StateRotating, time.Time{}, "", ""},
		{"rotate = never, and a pair is torn: heal it", Facts{Profiles: never, Rotation: rotation(time.Hour), Placement: torn}, DoMend, StateRotating, time.Time{}, "", ""},
		{"rotate = never, and the new key failed: put the old pair back", Facts{Profiles: never, Rotation: rotation(0, failed), Placement: onNew}, DoPutBack, StateRotating, time.Time{}, "", ""},
		{"rotate = never, and the new key failed: do not delete it", Facts{Profiles: never, Rotation: rotation(0, failed), Placement: onOld}, DoWait, StateHeld, time.Time{}, "is not deleted", ""},
		{"rotate = never, and the time of an orphan is over: do not delete it", Facts{Profiles: never, Rotation: &journal.Rotation{OrphanID: other, OrphanDeactivated: ago(8 * settings.Day)}, Placement: onOld, Seen: seen(70 * settings.Day)}, DoWait, StateHeld, time.Time{}, "left open", ""},
		{"rotate = never, a day after the last look: is the new key still there?", Facts{Profiles: never, Rotation: rotation(30 * settings.Day), Placement: onNew, Seen: older(both(true), settings.Day)}, DoLook, StateHeld, time.Time{}, "still works", ""},

		{"young, and AWS refused the key a day ago: it is not fine until AWS says so", Facts{Seen: seen(20 * settings.Day), Failure: &Failure{Do: DoLook, At: ago(settings.Day), Count: 1, Why: "InvalidClientTokenId", NeedsPerson: true}}, DoLook, StateOK, time.Time{}, "", ""},
		{"due, with a second key an hour ago: not asked again before a day is over", Facts{Seen: older(seen(70*settings.Day, ListedKey{ID: other, Active: true, Created: ago(100 * settings.Day)}), time.Hour)}, DoBlock, StateBlocked, now.Add(23 * time.Hour), "second active key", ""},
		{"due, with a second key without a date that was first listed ten minutes ago: another machine may be at it", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true, Since: ago(10 * time.Minute)})}, DoWait, StateWaiting, now.Add(settings.Day - 10*time.Minute), "another machine", ""},
		{"due, with a second key of which nobody knows the age: no hint to prune it", Facts{Seen: seen(70*settings.Day, ListedKey{ID: other, Active: true})}, DoBlock, StateBlocked, time.Time{}, "another machine", "copy profile"},
		{"due, with a second key an hour ago, and a person asks: look", Facts{Seen: older(seen(70*settings.Day, ListedKey{ID: other, Active: true}), time.Hour), Options: Options{Manual: true}}, DoLook, StateOK, time.Time{}, "", ""},
		{"due, and the rotation before has just ended: AWS may still count its old key", Facts{Seen: seen(70 * settings.Day), JustClosed: true}, DoWait, StateDue, now.Add(10 * time.Minute), "just ended", ""},
		{"due, a key was made six hours ago, and the look is old: no call", Facts{Seen: older(seen(70*settings.Day), 7*time.Hour), LastRotation: ago(6 * time.Hour)}, DoWait, StateDue, now.Add(18 * time.Hour), "never two", ""},
		{"due, the clock was wrong an hour ago, and the machine woke or its clock was set since: look", Facts{Seen: offset(older(seen(70*settings.Day), time.Hour), time.Hour), AwakeSince: ago(time.Minute)}, DoLook, StateDue, time.Time{}, "", ""},
		{"due, and only keyd has used it since the last rotation: replace it, and say so", Facts{Seen: seen(70 * settings.Day), PreflightDone: true, Use: &KeyUse{Read: now, Quiet: ago(50 * settings.Day)}}, DoCreate, StateDue, time.Time{}, "only keyd has used it since 4 Oct 2026", ""},
		{"due, and AWS does not tell whether it is used: replace it, and say so", Facts{Seen: seen(70 * settings.Day), PreflightDone: true, Use: &KeyUse{Read: now, Denied: true}}, DoCreate, StateDue, time.Time{}, "does not tell", ""},
	}
	inForce := settings.Default()
	inForce.NeverAccounts = []string{"609629065308"}
	inForce.ProfileRotateAfter = map[string]time.Duration{"legacy": settings.Never}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := row.facts
			f.ID = cmp.Or(f.ID, old)
			if f.Profiles == nil {
				f.Profiles = []string{"default"}
			}
			if r := f.Rotation; r != nil && r.Old.ID == "" {
				r.Old.ID, r.Places = old, []journal.Place{{Profile: "default"}}
			}
			d := Next(f, inForce, now)
			if d.Do != row.do || d.State != row.state || !strings.Contains(d.Why, row.says) || !strings.HasPrefix(d.Hint, row.run) {
				t.Errorf("%s (%s): %q, run %q", d.Do, d.State, d.Why, d.Hint)
			}
			if !row.until.IsZero() && !d.Until.Equal(row.until) {
				t.Errorf("until %s, want %s", d.Until, row.until)
			}
			if d.Do == DoBlock && d.Why == "" || d.Why == "" {
				t.Error("no reason is given")
			}
			byFailure := d.State == StateWaiting && f.Failure != nil || d.Do == DoBlock && f.Failure != nil // then the error has a short reason, or none
			if n := len(d.Short); n > ShortLimit || n == 0 && d.State != StateOK && d.State != StateSkipped && !byFailure {
				t.Errorf("the short reason for %q is %q", d.Why, d.Short)
			}
		})
	}
}

func older(s *Seen, by time.Duration) *Seen { s.At = s.At.Add(-by); return s }

func offset(s *Seen, by time.Duration) *Seen { s.Offset = by; return s }

func aged(s *Seen, by time.Duration) *Seen { s.Keys[0].Created = s.At.Add(-by); return s }

func unswapped(r *journal.Rotation) { r.Swapped, r.Validated = time.Time{}, time.Time{} }

func held(r *journal.Rotation) { r.Held = r.Validated.Add(time.Minute) }

func byOther(r *journal.Rotation) { r.Installation, r.Host = "a", "desk" }

func failed(r *journal.Rotation) { r.GiveUpReason = "AWS refused it" }
