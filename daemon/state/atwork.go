package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"keyd/credfile/atomicfile"
)

// Work is a command of a person that is at work on the state folder. The file that names
// it may be left over from a process that was killed: whether it still works, its lock
// tells. Nothing but what is shown to people depends on it.
type Work struct {
	PID      int       `json:"pid"`
	Command  string    `json:"command"` // e.g. "keyd rotate --force"
	Since    time.Time `json:"since"`
	Profiles []string  `json:"profiles,omitzero"` // that the person has named; nil for all, and when an older keyd is at work
}

// String names the command for a sentence.
func (w *Work) String() string {
	const most = 3 // names
	text := w.Command
	if n := len(w.Profiles); n > 0 {
		text += " for " + strings.Join(w.Profiles[:min(n, most)], ", ")
		if n > most {
			text += ", ..."
		}
	}
	return fmt.Sprintf("%s (pid %d, since %s)", text, w.PID, w.Since.Local().Format("15:04"))
}

// BeginWork makes other processes see that this one is at work, until end is called. It
// fills in the process of w. It does nothing when another command is at work already, or when
// the folder cannot be made or written: the work itself finds that out.
func BeginWork(sys atomicfile.Sys, stateDir string, w Work) (end func()) {
	if OpenFolder(sys, stateDir, os.Getenv("HOME")) != nil {
		return func() {}
	}
	lock := flock.New(WorkLockPath(stateDir), flock.SetPermissions(0o600))
	if got, err := lock.TryLock(); err != nil || !got {
		return func() {}
	}
	w.PID, w.Since = os.Getpid(), w.Since.UTC()
	data, err := json.Marshal(w)
	if err == nil {
		_ = os.WriteFile(WorkPath(stateDir), append(data, '\n'), 0o600)
	}
	return func() {
		_ = os.Remove(WorkPath(stateDir))
		_ = lock.Unlock()
	}
}

// FindWork returns the command of another process that is at work on the state folder, or
// nil. It creates nothing.
func FindWork(stateDir string) *Work {
	path := WorkLockPath(stateDir)
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if free, err := lock.TryRLock(); err != nil || free {
		_ = lock.Unlock()
		return nil
	}
	data, err := atomicfile.Tail(atomicfile.OS{}, WorkPath(stateDir), atomicfile.MaxSize)
	var w Work
	if err != nil || json.Unmarshal(data, &w) != nil || w.PID == os.Getpid() {
		return nil
	}
	return &w
}

// describeBusy names who may hold the pass lock, for a sentence: the command that is at
// work, or the daemon; "" when neither is known.
func describeBusy(stateDir string) string {
	if w := FindWork(stateDir); w != nil {
		return w.String()
	}
	if info := LoadDaemonInfo(stateDir); info != nil && info.PID != os.Getpid() && DaemonRunning(stateDir) {
		return fmt.Sprintf("the daemon, keyd run (pid %d)", info.PID)
	}
	return ""
}

// IsBusy reports whether err says that another keyd is at work.
func IsBusy(err error) bool {
	_, busy := errors.AsType[*BusyError](err)
	return busy
}
