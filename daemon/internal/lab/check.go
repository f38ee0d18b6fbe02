package lab

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/state"
)

// Safe checks the promises that hold in every state.
func (l *Lab) Safe() {
	l.T.Helper()
	l.Watch()
	if out := l.Cloud.Outage(l.Held, time.Now()); out > 0 {
		l.T.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range l.Cloud.ForeignCalls() {
		l.T.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
	l.signedAfterSwap()
	for _, k := range append([]credfile.Key{l.Old}, l.Secrets()...) {
		if bytes.Contains(l.Log.Bytes(), []byte(k.Secret.Reveal())) || strings.Contains(strings.Join(l.Said, "\n"), k.Secret.Reveal()) {
			l.T.Errorf("the secret of %s was printed", k)
		}
	}
}

// signedAfterSwap checks that no call is signed with a key after the file has
// stopped showing it.
func (l *Lab) signedAfterSwap() {
	l.T.Helper()
	for i, h := range l.Held[1:] {
		if h.ID == l.Old.ID { // put back, or reverted by hand
			return
		}
		for _, c := range l.Cloud.Calls() {
			if c.KeyID == l.Held[i].ID && c.At.After(h.At) {
				l.T.Errorf("%s was signed with %s, %s after the swap", c.Action, c.KeyID, c.At.Sub(h.At))
			}
		}
	}
}

// OneKey checks that the user has exactly the key that the file shows, Active.
func (l *Lab) OneKey() {
	l.T.Helper()
	keys := l.Cloud.Keys(l.User)
	if len(keys) != 1 || keys[0].ID != l.Shows() || keys[0].Status != "Active" {
		l.T.Errorf("the file shows %s, AWS has %+v", l.Shows(), keys)
	}
}

// OnlyValues checks that nothing but ids and secrets has changed since start.
func (l *Lab) OnlyValues(start string) {
	l.T.Helper()
	now := l.Held[len(l.Held)-1]
	want := strings.NewReplacer(l.Old.ID, now.ID, l.Old.Secret.Reveal(), now.Secret).Replace(start)
	if l.Text() != want {
		l.T.Errorf("other bytes changed:\n%q\nwant\n%q", l.Text(), want)
	}
}

// AsBefore checks that the file and the keys are as they were, and that the state
// folder remembers nothing.
func (l *Lab) AsBefore(start string, keys []awssim.KeyState) {
	l.T.Helper()
	l.Safe()
	if l.Text() != start || l.Count("DeleteAccessKey") > 0 || l.Count("CreateAccessKey") > 0 {
		l.T.Error("the rehearsal changed something")
	}
	now := l.Cloud.Keys(l.User)
	for i, k := range keys {
		if len(now) != len(keys) || now[i].ID != k.ID || now[i].Status != k.Status {
			l.T.Errorf("the keys were %+v and are %+v", keys, now)
		}
	}
	for _, path := range []string{state.StatusPath(l.D.StateDir), state.HistoryPath(l.D.StateDir)} {
		if _, err := l.Sys.Lstat(path); err == nil {
			l.T.Errorf("the rehearsal wrote %s", path)
		}
	}
}

// IsTorn fails the test unless text shows a pair that is half one key and half
// another.
func (l *Lab) IsTorn(text string) {
	l.T.Helper()
	for _, k := range l.Cloud.Keys(l.User) {
		secret := l.Cloud.Secrets()[k.ID]
		if strings.Count(text, k.ID) == 2 && strings.Count(text, secret) == 2 {
			l.T.Fatalf("nothing is torn: %q", text)
		}
	}
}

// Mended checks what Safe checks, and that every request was signed with a whole
// pair of the user's.
func (l *Lab) Mended() {
	l.T.Helper()
	l.Safe()
	for _, c := range l.Cloud.Calls() {
		if l.Cloud.Secrets()[c.KeyID] == "" || c.Code == "SignatureDoesNotMatch" {
			l.T.Errorf("%s was signed with %s: %s", c.Action, c.KeyID, c.Code)
		}
	}
}

// Count returns how many calls of the action AWS has received.
func (l *Lab) Count(action string) int {
	n := 0
	for _, c := range l.Cloud.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// Statuses returns the status of each of the user's keys, by id.
func (l *Lab) Statuses() map[string]string {
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
