package rotate

import (
	"context"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// rememberLooks saves what AWS said of the keys, and when keyd signed with them: a dry run
// changes nothing, but AWS counts its calls as uses of the keys. A pass that did not know of
// them would take keyd's own calls for somebody else's, and a key that nobody needs would
// look needed. The decision in the status of a key stays, since a dry run has decided nothing. The
// caller holds the pass lock.
func (d *Rotator) rememberLooks(results []Result) error {
	status, err := state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir)
	if err != nil {
		return err
	}
	changed := false
	for _, r := range results {
		if r.KeyID == "" || r.KeyUse == nil || r.KeyUse.Signed.IsZero() {
			continue
		}
		line := status.FindKey(r.KeyID)
		switch {
		case line == nil:
			fresh := r.KeyStatus
			fresh.SetDecision(decide.WaitForFirstPass())
			fresh.Failure = nil
			status.Keys = append(status.Keys, fresh)
		case line.Endpoint != r.Endpoint:
			continue // its line is about another AWS, where these calls did not count
		default:
			line.Memory = joinMemories(line.Memory, r.Memory)
		}
		changed = true
	}
	if !changed {
		return nil
	}
	return status.Save(d.Sys, d.StateDir)
}

// joinMemories returns what is known of a key after a dry run. A pass of another
// process may have learned something in the meantime.
func joinMemories(before, now state.Memory) state.Memory {
	if now.Seen != nil && (before.Seen == nil || now.Seen.At.After(before.Seen.At)) {
		before.Seen = now.Seen
	}
	use := *now.KeyUse
	if known := before.KeyUse; known != nil {
		if known.Read.After(use.Read) {
			signed := use.Signed
			use = *known
			use.Signed = signed
		}
		if known.Signed.After(use.Signed) {
			use.Signed = known.Signed
		}
	}
	before.KeyUse = &use
	return before
}

// Outlook says how every key stands by the files, the journals and what is remembered. It
// makes no call to AWS and changes nothing.
func (d *Rotator) Outlook(ctx context.Context) ([]Result, error) {
	only := d.readOnlyCopy()
	w, err := only.gatherWorld(ctx, decide.Options{})
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(w.targets))
	for _, t := range w.targets {
		results = append(results, only.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), nil))
	}
	return results, nil
}

// AtRest runs do while no pass takes a step. When one does not end within some seconds,
// the error is a *state.BusyError; where locks exclude nobody, it is a *state.LockError. do
// may be nil: the lock is then only tried.
func (d *Rotator) AtRest(ctx context.Context, do func() error) error {
	unlock, err := d.lockPass(ctx, passLockWait)
	if err != nil {
		return err
	}
	defer unlock()
	if do == nil {
		return nil
	}
	return do()
}

// Sweep removes the temporary files of processes that were killed, as the first round of
// every pass does.
func (d *Rotator) Sweep(ctx context.Context) error {
	return d.AtRest(ctx, func() error { return d.sweepTemp(ctx) })
}

// Leftovers returns the temporary files of processes that were killed: those that Sweep
// removes and that are older than age. A younger one may be in use.
func (d *Rotator) Leftovers(ctx context.Context, age time.Duration) (paths []string) {
	dir := d.JournalDir()
	dir.ReadOnly = true
	rotations, _ := dir.Load(ctx)
	store := d.linkedStore(rotations...)
	own := []string{store.Paths.Credentials, store.Paths.Config, state.StatusPath(d.StateDir), state.FleetPath(d.StateDir), state.MemoryPath(d.StateDir),
		state.DaemonInfoPath(d.StateDir), state.SettingsCopyPath(d.StateDir), state.InstallationPath(d.StateDir)}
	for _, l := range store.Links {
		own = append(own, l.Path)
	}
	for _, path := range own {
		temps, _ := atomicfile.Leftovers(d.Sys, path) // Sweep reports what cannot be read
		paths = append(paths, temps...)
	}
	return slices.DeleteFunc(append(paths, dir.Leftovers()...), func(path string) bool {
		info, err := d.Sys.Lstat(path)
		return err != nil || d.Now().Sub(info.ModTime) < age
	})
}
