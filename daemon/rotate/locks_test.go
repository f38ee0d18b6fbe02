package rotate_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestNothingIsRotatedWhereLocksExcludeNobody: on a network home two machines would work
// on one key and one journal. Nothing is asked of AWS, and no status is written.
func TestNothingIsRotatedWhereLocksExcludeNobody(t *testing.T) {
	for name, shared := range map[string]*atomicfiletest.Shared{
		"granted twice": {}, "refused": {Refuse: syscall.ENOLCK}, "mounted without": {Reach: atomicfile.ReachOwnOnly, Locks: map[string]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				shared.Sys = l.Sys
				l.Rotator.Sys = shared
				_, err := l.Rotator.Pass(t.Context(), rotate.Request{})
				if _, ok := errors.AsType[*state.LockError](err); !ok {
					t.Fatal(err)
				}
				if calls := l.Cloud.Calls(); len(calls) > 0 {
					t.Errorf("%d calls to AWS", len(calls))
				}
				if status, err := state.LoadStatusAndMemoryFrom(l.Sys, l.Rotator.StateDir); err != nil || len(status.Keys) > 0 {
					t.Errorf("%+v, %v", status, err)
				}
			})
		})
	}
}

// otherMachine takes the pass lock of a network drive when AWS is asked for action, as a
// machine does that the lock does not exclude.
type otherMachine struct {
	iam.Doer
	action string
	take   func()
}

func (m *otherMachine) Do(q *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	if m.take != nil && strings.Contains(string(text), "Action="+m.action+"&") {
		m.take()
		m.take = nil
	}
	q.Body = io.NopCloser(bytes.NewReader(text))
	return m.Doer.Do(q)
}

// TestNothingIsDoneOnceAnotherMachineHasTheLock: each effect is journaled first, and no
// journal is written without the lock. A key that was created in that moment has no
// journal, so it is deleted at once.
func TestNothingIsDoneOnceAnotherMachineHasTheLock(t *testing.T) {
	for action, created := range map[string]int{"ListAccessKeys": 0, "CreateAccessKey": 1} {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.Rotator.Sys = &atomicfiletest.Shared{Sys: l.Sys, Locks: map[string]bool{}}
				other := &otherMachine{l.HTTP, action, func() {
					path := filepath.Join(l.Rotator.StateDir, "pass.owner")
					lab.Must(t, atomicfile.Write(l.Sys, path, []byte(`{"machine":"elsewhere","boot":"x","pid":7,"seen":"`+time.Now().UTC().Format(time.RFC3339)+`","nonce":"other"}`), 0o600))
				}}
				l.Rotator.HTTP = other
				results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
				for _, r := range results {
					err = cmp.Or(err, r.Err)
				}
				_, locks := errors.AsType[*state.LockError](err)
				_, away := errors.AsType[*state.AwayError](err) // the next round has not begun
				if other.take != nil || !locks && !away || !strings.Contains(err.Error(), "elsewhere") {
					t.Errorf("%v, %v", results, err)
				}
				if n := l.CountCalls("CreateAccessKey"); n != created {
					t.Errorf("%d keys were created", n)
				}
				if keys := l.Cloud.Keys(l.User); len(keys) != 1 || keys[0].ID != l.OldKey.ID || keys[0].Status != "Active" || l.ShownID() != l.OldKey.ID {
					t.Errorf("%+v, and the file shows %s", keys, l.ShownID())
				}
			})
		})
	}
}

// TestRotationOnANetworkDriveEnds where the locks of the machines do exclude each other.
func TestRotationOnANetworkDriveEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Rotator.Sys = &atomicfiletest.Shared{Sys: l.Sys, Locks: map[string]bool{}}
		l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return lab.Settled(r) && l.ShownID() != l.OldKey.ID })
	})
}
