package evidence_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/evidence"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const day = settings.Day

// now is when the samples are reported: 2026-11-30 12:00 UTC.
var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// evil is a name that a browser, a spreadsheet or a terminal could obey.
const evil = `</title><script>alert(1)</script><img src=x onerror=alert(2)>"'&` + "\u202e\x1b[31m"

// secret stands for the secrets in a journal, which no report may show.
const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// world collects what a report is made from.
type world struct {
	t       *testing.T
	history state.History
	src     evidence.Source
	n       int // calls so far
}

func newWorld(t *testing.T) *world {
	return &world{t: t, history: state.OpenHistory(t.TempDir(), atomicfile.OS{}), src: evidence.Source{Now: now, Program: "keyd v1.2.3", Host: "laptop", Installation: "0f3a9c12ab34", Settings: settings.Default()}}
}

// did appends an entry to the history.
func (w *world) did(at time.Time, verb, id string, of owner, calls ...string) {
	w.t.Helper()
	e := state.HistoryEntry{Time: at, Process: "run", PID: 4711, Profiles: of.profiles, Verb: verb, KeyID: id, Installation: w.src.Installation, Policy: w.src.Settings.PolicyFor(of.profiles),
		About: state.About{OldKey: of.old, NewKey: of.new, User: of.user, Account: of.account, AskedBy: state.ByDaemon}}
	if of.command != "" {
		e.Process, e.AskedBy, e.Command = "rotate", state.ByPerson, of.command
	}
	if verb == "created" {
		e.OldCreated = of.oldCreated
	}
	for _, c := range calls {
		w.n++
		r := remote.Receipt{Call: c, RequestID: fmt.Sprintf("7a62c49f-0000-0000-0000-%012d", w.n), Date: at.Truncate(time.Second), Region: "us-east-1", Endpoint: "iam.amazonaws.com", KeyID: id, SignedBy: of.new, Outcome: remote.Done}
		if of.lost {
			r.RequestID, r.Date, r.Outcome = "", time.Time{}, remote.Unknown
		}
		e.Calls = append(e.Calls, r)
	}
	if err := w.history.Append(e); err != nil {
		w.t.Fatal(err)
	}
}

// owner is whom a rotation concerns.
type owner struct {
	profiles      []string
	user, account string
	old, new      string
	oldCreated    time.Time
	command       string // of a person
	lost          bool   // the answers were lost
}

// arn returns the ARN of the user.
func (o owner) arn() string { return "arn:aws:iam::" + o.account + ":user/" + o.user }

// rotate writes a whole rotation that began at start into the history.
func (w *world) rotate(start time.Time, of owner) {
	w.did(start, "created", of.new, of, "UpdateAccessKey", "CreateAccessKey")
	w.did(start.Add(6*time.Minute), "swapped", of.new, of)
	w.did(start.Add(6*time.Minute+time.Second), "validated", of.new, of)
	w.did(start.Add(6*time.Minute+2*time.Second), "described", of.new, of, "TagUser")
	w.did(start.Add(7*day), "deactivated", of.old, of, "UpdateAccessKey")
	w.did(start.Add(14*day), "deleted", of.old, of, "DeleteAccessKey", "UntagUser")
}

// seen adds a key that the files show to the status, with what AWS said about its user's keys.
func (w *world) seen(of owner, id string, use *decide.KeyUse, keys ...decide.ListedKey) {
	l := state.KeyStatus{Profiles: of.profiles, KeyID: id, State: decide.StateOK}
	for _, k := range keys {
		if k.ID == id {
			l.Created = k.Created
		}
	}
	l.Seen = &decide.Seen{At: w.src.Now.Add(-time.Hour), Account: of.account, ARN: of.arn(), User: of.user, Keys: keys}
	l.KeyUse = use
	w.src.Status.Written = w.src.Now.Add(-time.Hour)
	w.src.Status.Keys = append(w.src.Status.Keys, l)
}

// report makes the report.
func (w *world) report() *evidence.Report {
	w.t.Helper()
	record, err := w.history.ReadRecord()
	if err != nil {
		w.t.Fatal(err)
	}
	w.src.History = record
	return evidence.Make(w.src)
}

// listed is a key as ListAccessKeys shows it.
func listed(id string, created time.Time) decide.ListedKey {
	return decide.ListedKey{ID: id, Active: true, Status: "Active", Created: created}
}

// sample returns the report of a year of three users: alice's keys are rotated in time, bob's
// overlap is in progress and a program still uses his old key, and carol has an old key that
// keyd has never replaced, under a profile with a name for attackers.
func sample(t *testing.T) (*evidence.Report, *world) {
	w := newWorld(t)
	alice := owner{profiles: []string{"default", "work"}, user: "alice", account: "111122223333", old: "AKIAALICE00000000001"}
	first := now.Add(-320 * day)
	alice.oldCreated = first.Add(-100 * day)
	for i := range 5 {
		alice.new = fmt.Sprintf("AKIAALICE%011d", i+2)
		alice.command, alice.lost = "", i == 1
		if i == 3 {
			alice.command = "keyd rotate --force"
		}
		w.rotate(first.Add(time.Duration(i)*62*day), alice)
		alice.old, alice.oldCreated = alice.new, time.Time{}
	}
	w.seen(alice, alice.old, &decide.KeyUse{Read: now, Last: &remote.Use{At: now.Add(-2 * time.Hour), Service: "s3", Region: "eu-central-1"}}, listed(alice.old, first.Add(4*62*day)))

	bob := owner{profiles: []string{"ci"}, user: "Bob", account: "111122223333", old: "AKIABOB0000000000001", new: "AKIABOB0000000000002"}
	began := now.Add(-9 * day)
	w.did(began, "created", bob.new, bob, "CreateAccessKey")
	w.did(began.Add(6*time.Minute), "swapped", bob.new, bob)
	w.did(began.Add(6*time.Minute), "validated", bob.new, bob)
	w.did(now.Add(-5*day), "still used", bob.old, bob)
	w.src.Rotations = []*journal.Rotation{{Old: credfile.Key{ID: bob.old, Secret: credfile.NewSecret(secret)}, New: credfile.Key{ID: bob.new, Secret: credfile.NewSecret(secret)}, User: bob.user, Account: bob.account, ARN: bob.arn(),
		Places: []journal.Place{{Path: "/h/.aws/credentials", Section: "ci", Profile: "ci"}}, CreateSent: began, Created: began, Swapped: began.Add(6 * time.Minute), Validated: began.Add(6 * time.Minute), UseChecked: now,
		LastUse: &remote.Use{At: now.Add(-5 * day), Service: "s3", Region: "eu-west-1"}}}
	w.seen(bob, bob.new, nil, listed(bob.old, now.Add(-71*day)), listed(bob.new, began))

	carol := owner{profiles: []string{evil}, user: "carol", account: "444455556666"}
	w.seen(carol, "AKIACAROL00000000001", &decide.KeyUse{Read: now, Last: &remote.Use{}}, listed("AKIACAROL00000000001", now.Add(-130*day)))
	return w.report(), w
}

// TestNoReportHasASecret: the journals have secrets, and no format shows them.
func TestNoReportHasASecret(t *testing.T) {
	r, _ := sample(t)
	for name, data := range formats(t, r) {
		if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(secret[:20])) {
			t.Errorf("%s has a secret", name)
		}
		if !bytes.Contains(data, []byte("AKIABOB0000000000001")) && name != "csv" {
			t.Errorf("%s does not name a key", name)
		}
	}
}

// formats returns the report in every format.
func formats(t *testing.T, r *evidence.Report) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"html": r.HTML()}
	for name, write := range map[string]func() ([]byte, error){"json": r.JSON, "csv": r.CSV, "ocsf": r.OCSF} {
		data, err := write()
		if err != nil {
			t.Fatal(name, err)
		}
		all[name] = data
	}
	return all
}
