package rotate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// Rotator runs passes over one user's files. One goroutine calls it; a lock in
// the state folder keeps other processes out.
type Rotator struct {
	Store    *credfile.Store
	StateDir string // path of the state folder
	Sys      atomicfile.Sys
	Settings settings.Settings
	HTTP     iam.Doer // nil means the network
	Now      func() time.Time
	Getenv   func(string) string // read for endpoints, proxies, CA bundles and HOME only
	OnEvent  func(Event)         // may be nil; called during a pass, in order
	OnWait   func(what string)   // may be nil; told what the process waits for, and "" when it goes on; called side by side
	Log      *slog.Logger
	Process  string // for the history: "run", "rotate", ...
	Command  string // for the history: what the person ran, e.g. "keyd rotate --force"; "" means "keyd" and Process

	Release string // version of the program, for fleet.json; "" when it is not known

	// Installation and Host identify this keyd to other machines with the same key.
	// "" means the id in the state folder, and the name of this machine.
	Installation, Host string

	// OtherFiles are files outside the Store that may show a key as well: the
	// default files when the environment names others. keyd only reads them.
	OtherFiles []string

	// Search searches this machine for places that hold one of these ids, and returns
	// what it has found by the time that ctx ends. It runs beside the pass, without the
	// lock, and touches nothing. nil means no search: only the daemon makes one, and a
	// test must not search the home folder of whoever runs it.
	Search func(ctx context.Context, ids []string) []decide.Copies

	// SettingsProblem is shown in the status while older settings are in force.
	SettingsProblem string

	AwakeSince time.Time // when Run began or the machine last woke; zero outside Run
	Heartbeat  func()    // reports to the watchdog that the pass is still working; may be nil

	Hooks    HookRunner // runs the hooks of keyd.ini; nil when this process runs none
	hookRuns *hookRuns  // the hooks that it is running; set by NewSchedule

	Codes    CodeSource // gives MFA codes; nil when nobody can
	sessions *sessions  // what was opened with them; set by NewSchedule

	sources *iam.Sources // how endpoints that are not AWS's say whose key it is; set with sessions

	Hurry bool            // the daemon writes a new key into the files however young it is; for tests in real time
	lock  *state.PassLock // while this process holds the pass lock

	readOnly bool // for a dry run: nothing in the state folder changes but the lock, the first id of the installation, and what is remembered of AWS's answers

	guard    *guard // keeps the steps of a round apart; nil outside a round
	oneByOne bool   // the steps of a round are performed in order: for tests that count effects

	// ProofRounds is how many successes in a row a proof requires, and ProofPause how long it
	// waits between two rounds, unless it is about a pair that was proven before. 0, as
	// everywhere but in tests, means keyd's own numbers.
	ProofRounds int
	ProofPause  time.Duration
}

// readOnlyCopy returns a copy of d that changes nothing.
func (d *Rotator) readOnlyCopy() *Rotator {
	only := *d
	only.readOnly = true
	return &only
}

// JournalDir returns the folder with the journals of all rotations.
func (d *Rotator) JournalDir() journal.Dir {
	dir := journal.Dir{Path: state.JournalsPath(d.StateDir), Sys: d.Sys, Home: d.Getenv("HOME"), ReadOnly: d.readOnly}
	if d.lock != nil {
		dir.MayWrite = d.lock.CheckHeld
	}
	if d.guard != nil {
		dir.Memo = &d.guard.cache.journals
	}
	return dir
}

// historyLog returns the history in the state folder.
func (d *Rotator) historyLog() state.History { return state.OpenHistory(d.StateDir, d.Sys) }

// passLockWait is how long a command waits for a pass of another process to end.
const passLockWait = 3 * time.Second

// lockAndSweep starts an operation that may change something. It takes the pass lock,
// for which it waits up to limit. If sweeps is set, it also removes the temporary files
// of processes that were killed, because they may hold a secret.
func (d *Rotator) lockAndSweep(ctx context.Context, limit time.Duration, sweeps bool) (leave func(), err error) {
	leave, err = d.lockPass(ctx, limit)
	if err != nil || d.readOnly || !sweeps {
		return leave, err
	}
	if err := d.sweepTemp(ctx); err != nil {
		d.Log.Warn("sweep", "why", err.Error())
	}
	return leave, nil
}

// lockPass takes the pass lock, which allows one pass at a time for a state folder.
// The kernel releases the lock when the process dies, however it dies.
func (d *Rotator) lockPass(ctx context.Context, limit time.Duration) (unlock func(), err error) {
	if err := state.OpenFolder(d.Sys, d.StateDir, d.Getenv("HOME")); err != nil {
		return nil, err
	}
	d.waits("waiting for another keyd")
	defer d.waits("")
	lock, err := state.LockPass(ctx, d.Sys, d.StateDir, limit, d.Now)
	if err != nil {
		return nil, err
	}
	d.lock = lock
	return func() { d.lock = nil; lock.Unlock() }, nil
}

// waits tells what the process waits for from now on; "" for nothing.
func (d *Rotator) waits(what string) {
	if d.OnWait != nil {
		d.OnWait(what)
	}
}

// asking tells that a request is on its way.
func (d *Rotator) asking(call, host string) { d.waits("asking " + host + " (" + call + ")") }

// answered returns a function that notes what became of a call about t.
func (d *Rotator) answered(t *target) func(call string, err error) {
	return func(call string, err error) {
		d.waits("")
		t.progress.evidence.noteCall(call, err)
	}
}

// sweepTemp removes the temporary files that a killed process left behind.
func (d *Rotator) sweepTemp(ctx context.Context) error {
	dir := d.JournalDir()
	dir.ReadOnly = true // gatherWorld sets damaged journals aside, and reports it
	rotations, _ := dir.Load(ctx)
	errs := []error{d.linkedStore(rotations...).Sweep(), d.JournalDir().Sweep()}
	for _, path := range []string{state.StatusPath(d.StateDir), state.FleetPath(d.StateDir), state.MemoryPath(d.StateDir), state.DaemonInfoPath(d.StateDir), state.SettingsCopyPath(d.StateDir), state.ManagedCopyPath(d.StateDir), state.InstallationPath(d.StateDir)} {
		errs = append(errs, atomicfile.Sweep(d.Sys, path))
	}
	return errors.Join(errs...)
}
