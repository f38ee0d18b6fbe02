package rotate_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestHistoryHoldsTheEvidence: every call that changed something at AWS is in the history,
// with the request id that AWS gave it and the server's date, also the tags and a call
// whose answer was lost.
func TestHistoryHoldsTheEvidence(t *testing.T) {
	for name, fault := range map[string]awssim.Fault{
		"no faults":    {Action: "none", Kind: awssim.Close, Times: 1},
		"answer lost":  {Action: "CreateAccessKey", Kind: awssim.Status503, When: awssim.After, Times: 1},
		"delete twice": {Action: "DeleteAccessKey", Kind: awssim.Status500, When: awssim.After, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
				l.Rotator.Installation = "0f3a9c"
				l.Cloud.Inject(fault)
				l.RunUntil(40*settings.Day, lab.Settled)
				entries, damaged, err := state.History{Path: state.HistoryPath(l.Rotator.StateDir), Sys: l.Sys}.Read()
				if err != nil || damaged > 0 {
					t.Fatal(err, damaged)
				}
				receipts := map[string]remote.Receipt{}
				for _, e := range entries {
					if e.Installation != "0f3a9c" {
						t.Errorf("%s: installation %q", e.Verb, e.Installation)
					}
					for _, c := range e.Calls {
						receipts[c.RequestID] = c
						if c.Date.IsZero() || c.Region != "us-east-1" || c.Endpoint != "iam.amazonaws.com" || c.SignedBy == "" {
							t.Errorf("%s: %+v", e.Verb, c)
						}
					}
				}
				for _, call := range l.Cloud.Calls() {
					if !strings.Contains(call.Agent, "app/keyd-0f3a9c") {
						t.Errorf("user agent %q", call.Agent)
					}
					changed := call.Effect && !strings.HasPrefix(call.Action, "Get") && !strings.HasPrefix(call.Action, "List")
					if r := receipts[call.RequestID]; changed && (r.Call != call.Action || r.SignedBy != call.KeyID || r.Date.Sub(call.At).Abs() > 2*time.Second) && call.Fault == "" {
						t.Errorf("%s %s at %s is not in the history: %+v", call.Action, call.RequestID, call.At, r)
					} else if call.Action == "CreateAccessKey" && r.RequestID == "" {
						t.Error("the lost CreateAccessKey is not in the history")
					}
				}
			})
		})
	}
}

// TestReceiptOutlivesAKill: keyd is killed between a call and the line of the history. The
// next process finds the receipt in the journal, and writes it once.
func TestReceiptOutlivesAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		for _, until := range []func(rotate.Result) bool{func(r rotate.Result) bool { return r.State == decide.StateQuarantine }, lab.Settled} {
			l.EditJournal(func(r *journal.Rotation) { // as it is on disk at the kill, also if that comes after the line
				r.Receipts = []remote.Receipt{{Call: "UpdateAccessKey", RequestID: "of-the-killed", KeyID: r.Old.ID, SignedBy: r.New.ID, Outcome: remote.Done}}
			})
			l.RunUntil(30*settings.Day, until)
		}
		text, err := os.ReadFile(state.HistoryPath(l.Rotator.StateDir))
		if n := strings.Count(string(text), `"of-the-killed"`); err != nil || n != 1 {
			t.Errorf("the receipt is in the history %d times, %v", n, err)
		}
	})
}

// TestProcessesDoNotForkTheChain: processes that add to the history at the same time,
// outside of a pass, continue one another's lines.
func TestProcessesDoNotForkTheChain(t *testing.T) {
	dir := t.TempDir()
	var wait sync.WaitGroup
	for range 4 {
		d := &rotate.Rotator{StateDir: dir, Sys: lab.Unsynced{}, Settings: settings.Default(), Now: time.Now, Getenv: func(string) string { return "" }}
		wait.Go(func() {
			for range 25 {
				if err := d.AppendEntry(state.HistoryEntry{Verb: rotate.VerbHookOK, KeyID: "AKIAIOSFODNN7EXAMPLE"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	record, err := state.OpenHistory(dir, lab.Unsynced{}).ReadRecord()
	if c := record.Chain; err != nil || !c.IsWhole() || c.Chained != 100 {
		t.Errorf("%v: %+v", err, c)
	}
}
