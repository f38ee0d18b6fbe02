package lab

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// CheckPromises checks the promises that hold in every state.
func (l *Lab) CheckPromises() {
	l.T.Helper()
	l.RecordShown()
	if out := l.Cloud.Outage(l.Shown, time.Now()); out > 0 {
		l.T.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range l.Cloud.ForeignCalls() {
		l.T.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
	l.checkSigners()
	for _, k := range append([]credfile.Key{l.OldKey}, l.ShownKeys()...) {
		if bytes.Contains(l.Log.Bytes(), []byte(k.Secret.Reveal())) || strings.Contains(strings.Join(l.Events, "\n"), k.Secret.Reveal()) {
			l.T.Errorf("the secret of %s was printed", k)
		}
	}
}

// checkSigners checks that no call is signed with a key after the file has
// stopped showing it.
func (l *Lab) checkSigners() {
	l.T.Helper()
	for i, h := range l.Shown[1:] {
		if h.ID == l.OldKey.ID { // put back, or reverted by hand
			return
		}
		for _, c := range l.Cloud.Calls() {
			if c.KeyID == l.Shown[i].ID && c.At.After(h.At) {
				l.T.Errorf("%s was signed with %s, %s after the swap", c.Action, c.KeyID, c.At.Sub(h.At))
			}
		}
	}
}

// CheckOneKey checks that the user has exactly the key that the file shows, Active.
func (l *Lab) CheckOneKey() {
	l.T.Helper()
	keys := l.Cloud.Keys(l.User)
	if len(keys) != 1 || keys[0].ID != l.ShownID() || keys[0].Status != "Active" {
		l.T.Errorf("the file shows %s, AWS has %+v", l.ShownID(), keys)
	}
}

// CheckOtherBytes checks that nothing but ids and secrets has changed since start.
func (l *Lab) CheckOtherBytes(start string) {
	l.T.Helper()
	now := l.Shown[len(l.Shown)-1]
	want := strings.NewReplacer(l.OldKey.ID, now.ID, l.OldKey.Secret.Reveal(), now.Secret).Replace(start)
	if l.ReadCredentials() != want {
		l.T.Errorf("other bytes changed:\n%q\nwant\n%q", l.ReadCredentials(), want)
	}
}

// CheckUnchanged checks that the file and the keys are as they were, and that the state
// folder remembers no more than what AWS said.
func (l *Lab) CheckUnchanged(start string, keys []awssim.KeyState) {
	l.T.Helper()
	l.CheckPromises()
	if l.ReadCredentials() != start || l.CountCalls("DeleteAccessKey") > 0 || l.CountCalls("CreateAccessKey") > 0 {
		l.T.Error("the rehearsal changed something")
	}
	now := l.Cloud.Keys(l.User)
	for i, k := range keys {
		if len(now) != len(keys) || now[i].ID != k.ID || now[i].Status != k.Status {
			l.T.Errorf("the keys were %+v and are %+v", keys, now)
		}
	}
	if _, err := l.Sys.Lstat(state.HistoryPath(l.Rotator.StateDir)); err == nil {
		l.T.Error("the rehearsal wrote a history")
	}
	status, err := state.LoadStatusAndMemoryFrom(l.Sys, l.Rotator.StateDir)
	if err != nil || !status.Written.IsZero() { // only what AWS said, and that keyd has signed, is remembered
		l.T.Errorf("the rehearsal saved how the keys stand: %+v, %v", status, err)
	}
	for _, line := range status.Keys {
		if line.State != decide.StateNew || line.NeedsPerson {
			l.T.Errorf("the rehearsal saved how a key stands: %+v", line)
		}
	}
}

// RequireTorn fails the test unless text shows a pair that is half one key and half
// another.
func (l *Lab) RequireTorn(text string) {
	l.T.Helper()
	for _, k := range l.Cloud.Keys(l.User) {
		secret := l.Cloud.Secrets()[k.ID]
		if strings.Count(text, k.ID) == 2 && strings.Count(text, secret) == 2 {
			l.T.Fatalf("nothing is torn: %q", text)
		}
	}
}

// CheckMended checks what Safe checks, and that every request was signed with a whole
// pair of the user's.
func (l *Lab) CheckMended() {
	l.T.Helper()
	l.CheckPromises()
	for _, c := range l.Cloud.Calls() {
		if l.Cloud.Secrets()[c.KeyID] == "" || c.Code == "SignatureDoesNotMatch" {
			l.T.Errorf("%s was signed with %s: %s", c.Action, c.KeyID, c.Code)
		}
	}
}

// CountCalls returns how many calls of the action AWS has received.
func (l *Lab) CountCalls(action string) int {
	n := 0
	for _, c := range l.Cloud.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// KeyStatuses returns the status of each of the user's keys, by id.
func (l *Lab) KeyStatuses() map[string]string {
	all := map[string]string{}
	for _, k := range l.Cloud.Keys(l.User) {
		all[k.ID] = k.Status
	}
	return all
}

// Must fails the test when err is not nil.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
