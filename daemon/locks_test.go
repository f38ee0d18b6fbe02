package daemon

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestDaemonWithoutLocksTellsAPersonOnce: it does not end, because a service manager
// would only start it again; it rotates nothing; and it continues when locks work.
func TestDaemonWithoutLocksTellsAPersonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		l.AllowAll()
		shared := &atomicfiletest.Shared{Sys: l.Sys, Locks: map[string]bool{}, Refuse: syscall.ENOLCK}
		l.Sys = shared
		r := run(l, nil)
		r.wait(3 * settings.Day)
		if n := strings.Count(strings.Join(r.told, "\n"), rotate.VerbNeedsYou); n != 1 || len(l.Cloud.Calls()) > 0 || !strings.Contains(strings.ReplaceAll(r.log.String(), `\\`, `\`), l.Rotator.StateDir) { // the log doubles the backslashes of Windows
			t.Errorf("told %d times, %d calls\n%s", n, len(l.Cloud.Calls()), r.log.String())
		}
		shared.SetRefuse(nil)
		r.wait(40 * settings.Day)
		r.stop()
		l.RecordShown()
		if l.ShownID() == l.OldKey.ID {
			t.Error("locks work, and the key was not replaced")
		}
	})
}

// TestDaemonWritesNothingIntoAFolderOfOthers once the folder belongs to another user.
func TestDaemonWritesNothingIntoAFolderOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 10*settings.Day)
		owned := &atomicfiletest.Owned{Sys: l.Sys, Me: 1000, Owners: map[string]atomicfiletest.Owner{}}
		changes := 0
		l.Sys = &atomicfiletest.Faulty{Sys: owned, Ask: func(c atomicfiletest.Call) error {
			if c.Changes() && c.Op != "OpenFile" && c.Op != "Close" && strings.HasPrefix(c.Name, l.Rotator.StateDir) {
				changes++
			}
			return nil
		}}
		r := run(l, nil)
		if changes == 0 {
			t.Error("the test does not see what the daemon writes")
		}
		owned.SetOwner(l.Rotator.StateDir, atomicfiletest.Owner{UID: 1234})
		changes = 0
		r.wait(2 * settings.Day)
		if n := strings.Count(strings.Join(r.told, "\n"), rotate.VerbNeedsYou); changes > 0 || n != 1 {
			t.Errorf("%d changes in the folder, told %d times\n%s", changes, n, r.log.String())
		}
		delete(owned.Owners, l.Rotator.StateDir)
		r.wait(time.Hour)
		r.stop()
	})
}
