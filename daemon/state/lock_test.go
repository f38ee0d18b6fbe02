package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

var folder = filepath.FromSlash("/net/alice/state")

// netHome is a network drive with a state folder, as one machine after the other sees it.
func netHome(now func() time.Time) *atomicfiletest.Disk { return atomicfiletest.NewDisk(now, folder) }

// TestLockThatExcludesNobodyIsNotTrusted: no lock is held afterwards, nothing is written,
// and the hint names the folder.
func TestLockThatExcludesNobodyIsNotTrusted(t *testing.T) {
	for name, tc := range map[string]struct {
		sys  *atomicfiletest.Shared
		want string
	}{
		"every lock is granted":   {&atomicfiletest.Shared{Reach: atomicfile.ReachMachine}, "exclude no one"},
		"on a network drive":      {&atomicfiletest.Shared{}, "exclude no one"},
		"mounted without locks":   {&atomicfiletest.Shared{Reach: atomicfile.ReachOwnOnly, Locks: map[string]bool{}}, "exclude no other machine"},
		"no locks available":      {&atomicfiletest.Shared{Refuse: syscall.ENOLCK}, "no locks available"},
		"not supported":           {&atomicfiletest.Shared{Refuse: syscall.EOPNOTSUPP}, "refused by the system"},
		"no such call":            {&atomicfiletest.Shared{Refuse: syscall.ENOSYS}, "refused by the system"},
		"forbidden by a sandbox":  {&atomicfiletest.Shared{Refuse: syscall.EPERM}, "refused by the system"},
		"an invalid argument":     {&atomicfiletest.Shared{Refuse: syscall.EINVAL}, "refused by the system"},
		"on a local disk as well": {&atomicfiletest.Shared{Reach: atomicfile.ReachMachine, Refuse: syscall.ENOLCK}, "refused by the system"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := netHome(time.Now)
			tc.sys.Sys = disk
			_, err := LockPass(t.Context(), tc.sys, folder, time.Second, time.Now)
			e, ok := errors.AsType[*LockError](err)
			if !ok || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), folder) || !strings.Contains(e.Hint(), folder) {
				t.Fatalf("%v", err)
			}
			if files := disk.Files(); len(files) > 0 || tc.sys.Locks[PassLockPath(folder)] {
				t.Errorf("left behind: %v, %v", files, tc.sys.Locks)
			}
		})
	}
	t.Run("a file that may not be opened is another matter", func(t *testing.T) {
		sys := &atomicfiletest.Shared{Sys: netHome(time.Now), Refuse: &os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}}
		if _, err := LockFile(t.Context(), sys, PassLockPath(folder), time.Second); err == nil || isType[*LockError](err) {
			t.Error(err)
		}
	})
}

func isType[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

// TestLockExcludesThisProcessToo on the real file system, where the proof has to pass.
func TestLockExcludesThisProcessToo(t *testing.T) {
	dir := t.TempDir()
	lock, err := LockPass(t.Context(), atomicfile.OS{}, dir, time.Second, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockPass(t.Context(), atomicfile.OS{}, dir, 30*time.Millisecond, time.Now); !isType[*BusyError](err) {
		t.Error(err)
	}
	if err := lock.CheckHeld(); err != nil {
		t.Error(err)
	}
	lock.Unlock()
	again, err := LockPass(t.Context(), atomicfile.OS{}, dir, time.Second, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	again.Unlock()
	if running, err := TestLock(dir); running || err != nil {
		t.Error(running, err)
	}
}

// machine is one of two machines whose locks do not exclude each other.
type machine struct {
	sys  *atomicfiletest.Shared
	name string
}

func (m machine) lock(t *testing.T) (*PassLock, error) { return m.lockWithin(t, 0) }

func (m machine) lockWithin(t *testing.T, limit time.Duration) (*PassLock, error) {
	l := &PassLock{sys: m.sys, dir: folder, now: time.Now, unlock: func() {}}
	me := thisProcess(time.Now())
	me.Machine, me.Boot = m.name, m.name+"'s boot"
	return l, l.claim(t.Context(), me, limit)
}

func twoMachines() (a, b machine) {
	disk := netHome(time.Now)
	return machine{&atomicfiletest.Shared{Sys: disk, Locks: map[string]bool{}}, "a"}, machine{&atomicfiletest.Shared{Sys: disk, Locks: map[string]bool{}}, "b"}
}

// TestTwoMachinesNoticeEachOther where the lock of one does not exclude the other.
func TestTwoMachinesNoticeEachOther(t *testing.T) {
	t.Run("in the same second", func(t *testing.T) {
		for apart := time.Duration(0); apart < 2*time.Second; apart += 250 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				a, b := twoMachines()
				var errB error
				done := make(chan bool)
				go func() {
					time.Sleep(apart)
					_, errB = b.lock(t)
					close(done)
				}()
				_, errA := a.lock(t)
				<-done
				if (errA == nil) == (errB == nil) {
					t.Errorf("%v apart: a %v, b %v", apart, errA, errB)
				}
				for _, err := range []error{errA, errB} {
					if err != nil && !isType[*LockError](err) && !isType[*AwayError](err) {
						t.Error(err)
					}
				}
			})
		}
	})
	t.Run("when the name of one takes half a second to its place", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := twoMachines()
			opened := 0
			b.sys.Sys = &atomicfiletest.Faulty{Sys: b.sys.Sys, Ask: func(c atomicfiletest.Call) error {
				if c.Op == "OpenFile" {
					if opened++; opened == 2 { // the first reads, the second writes
						time.Sleep(ownerWait / 2)
					}
				}
				return nil
			}}
			var errB error
			done := make(chan bool)
			go func() {
				_, errB = b.lock(t)
				close(done)
			}()
			synctest.Wait() // b has read that nobody holds the lock
			_, errA := a.lock(t)
			<-done
			if errB != nil || !isType[*LockError](errA) {
				t.Errorf("a %v, b %v", errA, errB)
			}
		})
	})
	t.Run("while one is at work", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := twoMachines()
			lockA, err := a.lock(t)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Minute) // a proof
			if err := lockA.CheckHeld(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Minute)
			_, err = b.lock(t)
			if away, ok := errors.AsType[*AwayError](err); !ok || away.Holder.Machine != "a" || !strings.Contains(away.Hint(), "on a or here") {
				t.Fatal(err)
			}
			if err := lockA.CheckHeld(); err != nil {
				t.Error(err)
			}
			lockA.Unlock()
			if lockB, err := b.lock(t); err != nil {
				t.Error(err)
			} else {
				lockB.Unlock()
			}
		})
	})
	t.Run("one waits for the step of the other", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := twoMachines()
			lockA, err := a.lock(t)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(2*time.Second, lockA.Unlock)
			if lockB, err := b.lockWithin(t, 3*time.Second); err != nil {
				t.Error(err)
			} else if err := lockB.CheckHeld(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("after one slept in the middle of a pass", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := twoMachines()
			lockA, err := a.lock(t)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(ownerLease + time.Second)
			lockB, err := b.lock(t)
			if err != nil {
				t.Fatal(err)
			}
			if err := lockA.CheckHeld(); !isType[*LockError](err) || !strings.Contains(err.Error(), "keyd on b") {
				t.Errorf("a woke and noticed nothing: %v", err)
			}
			lockA.Unlock()
			if err := lockB.CheckHeld(); err != nil {
				t.Errorf("a took b's name away: %v", err)
			}
		})
	})
	t.Run("a process that was killed here holds up nobody here", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, _ := twoMachines()
			if _, err := a.lock(t); err != nil {
				t.Fatal(err)
			}
			if _, err := a.lock(t); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestLocalDiskNeedsNoOwner: no other machine can be there, so nothing is written.
func TestLocalDiskNeedsNoOwner(t *testing.T) {
	disk := netHome(time.Now)
	lock, err := LockPass(t.Context(), disk, folder, time.Second, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if err := lock.CheckHeld(); err != nil || len(disk.Files()) > 0 {
		t.Errorf("%v, %v", err, disk.Files())
	}
}
