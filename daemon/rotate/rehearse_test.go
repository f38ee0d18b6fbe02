package rotate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// TestRehearseChangesNothing checks that a rehearsal leaves AWS, the file and the state
// folder as they were, whatever the state of the key.
func TestRehearseChangesNothing(t *testing.T) {
	tests := []struct {
		name    string
		age     time.Duration
		arrange func(*lab.Lab)
		ready   bool
		state   decide.State
		person  bool
		fails   bool
	}{
		{name: "young", age: 10 * settings.Day, ready: true, state: decide.StateOK},
		{name: "due", age: 70 * settings.Day, ready: true, state: decide.StateDue},
		{name: "a second key", age: 70 * settings.Day, arrange: func(l *lab.Lab) { l.User.AddKey(90 * settings.Day) }, state: decide.StateBlocked, person: true},
		{name: "a second key of a moment ago", age: 70 * settings.Day, arrange: func(l *lab.Lab) { l.User.CreateKey() }, state: decide.StateWaiting},
		{name: "deactivation denied", age: 10 * settings.Day, arrange: func(l *lab.Lab) { l.User.DenyAction("UpdateAccessKey", awssim.NotAllowed) }, state: decide.StateOK, person: true, fails: true},
		{name: "list denied", age: 10 * settings.Day, arrange: func(l *lab.Lab) { l.User.DenyAction("ListAccessKeys", awssim.NotAllowed) }, state: decide.StateOK, person: true, fails: true},
		{name: "offline", age: 10 * settings.Day, arrange: func(l *lab.Lab) { l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS}) }, state: decide.StateOK, fails: true},
		{name: "excluded", age: 70 * settings.Day, arrange: func(l *lab.Lab) {
			l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"work": settings.Never}
		}, state: decide.StateSkipped},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, test.age)
				if test.arrange != nil {
					test.arrange(l)
				}
				start, keys := l.ReadCredentials(), l.Cloud.Keys(l.User)
				all, err := l.Rotator.Rehearse(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatalf("%d keys, %v", len(all), err)
				}
				r := all[0]
				if r.Ready != test.ready || r.State != test.state || r.NeedsPerson != test.person || (r.Err != nil) != test.fails {
					t.Errorf("ready %v, %s, needs a person %v, %v", r.Ready, r.State, r.NeedsPerson, r.Err)
				}
				l.CheckUnchanged(start, keys)
			})
		})
	}
}
