package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"keyd/credfile/atomicfile"
)

// A lock on a network drive may exclude only the processes of one machine, and no call
// tells. Where other machines may see the state folder, the holder of the pass lock
// therefore also writes its name into a file, waits, and reads the file back: if two
// machines do that at the same time, at most one finds its own name there (Fischer's
// algorithm). It reads the file again before each write of a journal, so that a machine
// that was slower than the wait is noticed before it does something.
//
// Not guaranteed: that the other machine's write is visible within the wait. It is where
// opening a file asks the server, as NFS does unless it is mounted with nocto.

// Holder is a process that holds the pass lock.
type Holder struct {
	Machine string    `json:"machine"`       // name of the machine
	Boot    string    `json:"boot,omitzero"` // differs between machines and between starts of one; "" when unknown
	PID     int       `json:"pid"`
	Seen    time.Time `json:"seen"`  // when it last wrote this, by its clock
	Nonce   string    `json:"nonce"` // differs for each time that the lock is taken
}

// thisProcess returns a Holder for this process.
func thisProcess(now time.Time) Holder {
	name, _ := os.Hostname()
	return Holder{Machine: cmp.Or(name, "localhost"), Boot: bootID(), PID: os.Getpid(), Seen: now.UTC(), Nonce: rand.Text()}
}

// runsHere reports whether h ran under the same kernel as o, so that the lock is known to
// exclude it: it has ended.
func (h Holder) runsHere(o Holder) bool {
	return h.Boot == o.Boot && (h.Boot != "" || h.Machine == o.Machine)
}

const (
	// ownerWait is how long the holder waits until it reads its name back.
	ownerWait = time.Second
	// ownerPollEvery is how often a waiting process reads the name.
	ownerPollEvery = 250 * time.Millisecond
	// ownerLease is how long the name of another machine counts. A machine that died
	// leaves its name, and no one can ask it.
	ownerLease = 30 * time.Minute
	// ownerRefresh is the age at which CheckHeld writes the name again.
	ownerRefresh = time.Minute
)

// AwayError reports that the pass lock is free while another machine, or this one before
// it was restarted, has not said that its pass is over. Either it was interrupted, or
// locks here exclude only the processes of one machine.
type AwayError struct {
	Dir    string
	Holder Holder
	Until  time.Time // when its name no longer counts
}

// Error says who and since when.
func (e *AwayError) Error() string {
	return fmt.Sprintf("keyd on %s (pid %d) was in the middle of a pass at %s, in %s as well: nothing was done",
		e.Holder.Machine, e.Holder.PID, e.Holder.Seen.Local().Format("15:04:05"), e.Dir)
}

// Hint says what happens next.
func (e *AwayError) Hint() string {
	return "let keyd run on one machine only, on " + e.Holder.Machine + " or here; if it was interrupted there, keyd continues here after " + e.Until.Local().Format("15:04")
}

// PassLock is the pass lock, held by this process. The steps that one pass performs side
// by side may share it.
type PassLock struct {
	sys    atomicfile.Sys
	dir    string
	now    func() time.Time
	unlock func()

	mu     sync.Mutex
	holder Holder // zero where no other machine sees the folder
}

// LockPass takes the pass lock of a state folder as LockFile does. Where other machines
// may see the folder, it also makes sure that none of them holds the lock; it then takes
// a second. The error is a *LockError when the lock does not exclude another machine, and
// an *AwayError when that cannot be told yet.
func LockPass(ctx context.Context, sys atomicfile.Sys, stateDir string, limit time.Duration, now func() time.Time) (*PassLock, error) {
	unlock, err := LockFile(ctx, sys, PassLockPath(stateDir), limit)
	if err != nil {
		return nil, err
	}
	l := &PassLock{sys: sys, dir: stateDir, now: now, unlock: unlock}
	if sys.LockReach(stateDir) == atomicfile.ReachMachine {
		return l, nil
	}
	if err := l.claim(ctx, thisProcess(now()), limit); err != nil {
		unlock()
		return nil, err
	}
	return l, nil
}

// claim writes the name of this process, and finds it there a second later. It waits for
// up to limit until another machine has removed its name.
func (l *PassLock) claim(ctx context.Context, me Holder, limit time.Duration) error {
	for waited := time.Duration(0); ; waited += ownerPollEvery {
		last, err := l.readHolder()
		if err != nil {
			return err
		}
		until := last.Seen.Add(ownerLease)
		if last.Nonce == "" || last.runsHere(me) || !until.After(me.Seen) {
			break
		}
		if waited >= limit {
			return &AwayError{Dir: l.dir, Holder: last, Until: until}
		}
		if err := pause(ctx, ownerPollEvery); err != nil {
			return err
		}
	}
	l.holder = me
	if err := l.writeHolder(me); err != nil {
		return err
	}
	if err := pause(ctx, ownerWait); err != nil {
		l.clearHolder()
		return err
	}
	return l.CheckHeld()
}

// pause waits for d, or returns the cause when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// CheckHeld returns a *LockError if another machine has taken the lock as well, and any
// other error if it cannot tell. It costs nothing where no other machine sees the folder.
func (l *PassLock) CheckHeld() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder.Nonce == "" {
		return nil
	}
	found, err := l.readHolder()
	switch {
	case err != nil:
		return err
	case found.Nonce != l.holder.Nonce && found.Nonce != "":
		return &LockError{Dir: l.dir, Why: fmt.Sprintf("do not exclude other machines: keyd on %s (pid %d) works there at the same time", found.Machine, found.PID)}
	case found.Nonce == "":
		return &LockError{Dir: l.dir, Why: "do not exclude other machines: another keyd has worked there at the same time"}
	}
	if now := l.now().UTC(); now.Sub(l.holder.Seen) >= ownerRefresh {
		l.holder.Seen = now
		return l.writeHolder(l.holder)
	}
	return nil
}

// Unlock releases the lock.
func (l *PassLock) Unlock() {
	l.clearHolder()
	l.unlock()
}

// clearHolder removes the name of this process, unless another has taken its place. A
// name that stays because of an error holds up other machines only, for ownerLease.
func (l *PassLock) clearHolder() {
	if l.holder.Nonce == "" {
		return
	}
	if found, err := l.readHolder(); err == nil && found.Nonce == l.holder.Nonce {
		_ = l.writeHolder(Holder{})
	}
}

// readHolder returns whose name is in the file; the zero Holder if it is no one's. It
// opens the file as writeHolder does: with O_CREATE, because NFS then asks the server
// even if it remembers that there was no such file.
func (l *PassLock) readHolder() (Holder, error) {
	f, err := l.sys.OpenFile(ownerPath(l.dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Holder{}, fmt.Errorf("daemon: the lock: %w", err)
	}
	defer f.Close()
	var h Holder
	text := make([]byte, 4096)
	n, err := f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Holder{}, fmt.Errorf("daemon: the lock: %w", err)
	}
	_ = json.Unmarshal(text[:n], &h) // half a name is no one's: its writer finds it changed
	return h, nil
}

// writeHolder writes a name, or nothing for the zero Holder. It keeps the file: a new one
// under the same name may stay unseen by other machines for a minute. It does not sync:
// a machine that has lost power holds no lock.
func (l *PassLock) writeHolder(h Holder) error {
	var text []byte
	var err error
	if h.Nonce != "" {
		if text, err = json.Marshal(h); err != nil {
			return fmt.Errorf("daemon: the lock: %w", err)
		}
	}
	f, err := l.sys.OpenFile(ownerPath(l.dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(append(text, '\n'), 0)
		if failed := f.Truncate(int64(len(text)) + 1); err == nil {
			err = failed
		}
		if failed := f.Close(); err == nil {
			err = failed
		}
	}
	if err != nil {
		return fmt.Errorf("daemon: the lock: %w", err)
	}
	return nil
}
