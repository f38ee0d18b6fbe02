package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestRehearseChangesNothing tries everything and leaves AWS, the file and the
// state folder as they were, whatever the key is like.
func TestRehearseChangesNothing(t *testing.T) {
	tests := []struct {
		name    string
		age     time.Duration
		arrange func(*lab)
		ready   bool
		state   State
		person  bool
		fails   bool
	}{
		{name: "young", age: 10 * day, ready: true, state: StateOK},
		{name: "due", age: 70 * day, ready: true, state: StateDue},
		{name: "a second key", age: 70 * day, arrange: func(l *lab) { l.user.CreateKey() }, state: StateBlocked, person: true},
		{name: "may not deactivate", age: 10 * day, arrange: func(l *lab) { l.user.DenyAction("UpdateAccessKey", awssim.NotAllowed) }, state: StateOK, person: true, fails: true},
		{name: "may not list", age: 10 * day, arrange: func(l *lab) { l.user.DenyAction("ListAccessKeys", awssim.NotAllowed) }, state: StateOK, person: true, fails: true},
		{name: "offline", age: 10 * day, arrange: func(l *lab) { l.cloud.Inject(awssim.Fault{Kind: awssim.DNS}) }, state: StateOK, fails: true},
		{name: "excluded", age: 70 * day, arrange: func(l *lab) { l.d.Settings.ProfileRotateAfter = map[string]time.Duration{"work": Never} }, state: StateSkipped},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, test.age)
				if test.arrange != nil {
					test.arrange(l)
				}
				start, keys := l.text(), l.cloud.Keys(l.user)
				all, err := l.d.Rehearse(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatalf("%d keys, %v", len(all), err)
				}
				r := all[0]
				if r.Ready != test.ready || r.State != test.state || r.NeedsPerson != test.person || (r.Err != nil) != test.fails {
					t.Errorf("ready %v, %s, needs a person %v, %v", r.Ready, r.State, r.NeedsPerson, r.Err)
				}
				l.asBefore(start, keys)
			})
		})
	}
}

// asBefore checks that nothing has changed: not the file, not the keys, and
// nothing is remembered.
func (l *lab) asBefore(start string, keys []awssim.KeyState) {
	l.t.Helper()
	l.safe()
	if l.text() != start || l.count("DeleteAccessKey") > 0 || l.count("CreateAccessKey") > 0 {
		l.t.Error("the rehearsal changed something")
	}
	now := l.cloud.Keys(l.user)
	for i, k := range keys {
		if len(now) != len(keys) || now[i].ID != k.ID || now[i].Status != k.Status {
			l.t.Errorf("the keys were %+v and are %+v", keys, now)
		}
	}
	for _, name := range []string{"status.json", "history.jsonl"} {
		if _, err := os.Stat(filepath.Join(l.d.StateDir, name)); err == nil {
			l.t.Errorf("the rehearsal wrote %s", name)
		}
	}
}
