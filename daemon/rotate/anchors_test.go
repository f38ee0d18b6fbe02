package rotate_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestDescriptionsAreRead asks AWS for the hashes that it has of the history: at rest and in
// an overlap, signed with the key that the files show, once for each user. AWS counts that as
// a use, and the status knows that it was keyd's.
func TestDescriptionsAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		for _, until := range []func(rotate.Result) bool{func(r rotate.Result) bool { return r.State == decide.StateOverlap && r.Rotation != nil }, lab.Settled} {
			l.RunUntil(30*settings.Day, until)
			time.Sleep(time.Hour)
			before := len(l.Cloud.Calls())
			found, unasked, err := l.Rotator.ReadDescriptions(t.Context(), nil)
			l.RecordShown()
			if err != nil || len(unasked) > 0 || len(found) != 1 || found[0].KeyID != l.ShownID() || found[0].User != "alice" || found[0].Account == "" {
				t.Fatalf("%+v, not asked %v, %v", found, unasked, err)
			}
			if about, ok := state.ParseDescription(found[0].Text); !ok || len(about.Anchor) != 64 {
				t.Errorf("described as %q", found[0].Text)
			}
			for _, c := range l.Cloud.Calls()[before:] {
				if c.Action != "ListUserTags" || c.KeyID != l.ShownID() {
					t.Errorf("%s was called with %s", c.Action, c.KeyID)
				}
			}
			if n := len(l.Cloud.Calls()) - before; n != 1 {
				t.Errorf("%d calls", n)
			}
			saved, err := state.LoadStatusAndMemoryFrom(l.Sys, l.Rotator.StateDir)
			lab.Must(t, err)
			if line := saved.FindKey(l.ShownID()); line != nil && !line.InRotation && (line.KeyUse == nil || time.Since(line.KeyUse.Signed) > time.Minute) {
				t.Errorf("the status does not know of the call: %+v", line.KeyUse)
			}
		}
	})
}

// TestDescriptionsThatCannotBeReadAreNamed: AWS refuses, keyd.ini forbids to sign, or keyd has
// never asked whose key it is. None of them is silence, and what is forbidden is not called.
func TestDescriptionsThatCannotBeReadAreNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(*lab.Lab)
		why     string
		calls   int
	}{
		"denied":         {func(l *lab.Lab) { l.User.DenyAction("ListUserTags", awssim.NotAllowed) }, "ListUserTags", 1},
		"never_accounts": {func(l *lab.Lab) { l.Rotator.Settings.NeverAccounts = []string{l.User.Account()} }, "never_accounts", 0},
		"never": {func(l *lab.Lab) {
			l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": settings.Never, "work": settings.Never}
		}, "rotate = never", 0},
		"never looked at": {func(l *lab.Lab) { l.WriteFile("state/memory.json", "{}") }, "has not looked", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 10*settings.Day)
				l.Pass(rotate.Request{})
				tt.prepare(l)
				before := len(l.Cloud.Calls())
				found, unasked, err := l.Rotator.ReadDescriptions(t.Context(), nil)
				if err != nil || len(found) > 0 || len(unasked) == 0 || !strings.Contains(strings.Join(unasked, "\n"), tt.why) {
					t.Errorf("%+v, not asked %q, %v", found, unasked, err)
				}
				if n := len(l.Cloud.Calls()) - before; n != tt.calls {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}
