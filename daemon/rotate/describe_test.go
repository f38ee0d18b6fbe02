package rotate_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestAWSHasTheHashOfTheHistory rotates twice. The description of the new key vouches for
// the history up to the deletion of the old one. Each hash that AWS was given is in a
// receipt, with AWS's request id, and is the hash of a line above. Each line has the
// settings in force.
func TestAWSHasTheHashOfTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": 30 * settings.Day}
		for range 2 {
			l.RunUntil(20*settings.Day, lab.Settled)
			checkAnchors(t, l)
			time.Sleep(33 * settings.Day)
		}
	})
}

// checkAnchors compares the history with what AWS was given of it. Its last rotation is over.
func checkAnchors(t *testing.T, l *lab.Lab) {
	t.Helper()
	h := state.OpenHistory(l.Rotator.StateDir, l.Sys)
	data, err := os.ReadFile(h.Path)
	lab.Must(t, err)
	entries, _, err := h.Read()
	lab.Must(t, err)
	chain, deleted := state.CheckChain(data), 0
	if !chain.IsWhole() || chain.Chained != len(entries) {
		t.Fatalf("%d entries: %+v", len(entries), chain)
	}
	requests := map[string]string{} // the hash in each TagUser, by its request id
	for i, e := range entries {
		if e.Policy == nil || *e.Policy != (settings.Policy{RotateAfter: "30d", MaxAge: "90d", Overlap: "1d", Quarantine: "7d"}) {
			t.Errorf("%s: %+v", e.Verb, e.Policy)
		}
		if e.Verb == "created" && time.Since(e.OldCreated) < 40*settings.Day {
			t.Errorf("the old key was created %s", e.OldCreated)
		}
		if e.Verb == "deleted" {
			deleted = i + 1
		}
		for _, c := range e.Calls {
			if c.Call == "TagUser" {
				requests[c.RequestID] = c.Anchor
				if line := chain.At[c.Anchor]; line == 0 || line > i {
					t.Errorf("line %d: AWS was given the hash of line %d", i+1, line)
				}
			}
		}
	}
	for _, call := range l.Cloud.Calls() {
		if anchor, known := requests[call.RequestID]; call.Action == "TagUser" && (!known || anchor == "") {
			t.Errorf("TagUser %s has no hash in the history", call.RequestID)
		}
	}
	l.RecordShown()
	shown := l.ShownKeys()
	pair := shown[len(shown)-1]
	client, err := iam.New(pair, remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}}, iam.Options{HTTP: l.Rotator.HTTP, Now: l.Now})
	lab.Must(t, err)
	described, err := client.Descriptions(t.Context(), "alice")
	about, _ := state.ParseDescription(described[pair.ID])
	if err != nil || len(described) != 1 || chain.At[about.Anchor] != deleted {
		t.Errorf("%v, %v: the hash of line %d, want %d", described, err, chain.At[about.Anchor], deleted)
	}
}
