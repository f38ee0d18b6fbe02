package rotate

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// Request says what one pass is for. The zero Request does whatever is due, for
// every key.
type Request struct {
	decide.Options
	Profiles []string // only the keys of these profiles; empty means all
	DryRun   bool     // look and decide, but change nothing
	rehearse bool     // also run the preflight of each key that would be rotated; see Rehearse
}

// Result says how one key stood when its part of the pass ended.
type Result struct {
	state.KeyStatus
	Do       decide.Do
	Rotation *journal.Rotation // nil when none is in progress
	Err      error             // the failure that ended the key's part of the pass, or nil
	Changes  []credfile.Change // what a dry run would change in the files

	// Ready reports, after Rehearse, whether the preflight of a rotation passed:
	// the files can be edited, the state folder can be written, and the key may
	// deactivate a key of its user. Whether the key may create one is only known
	// once it does, since AWS has no way to ask. Ready is false for keys that are
	// left alone or need a person.
	Ready bool
}

// Pass looks at every key, does what is due, and saves the status. It ends when
// every key waits, needs a person, or has failed. The failure of one key does
// not delay the others; it is in that key's Result. The returned error is for
// what concerns all keys: unreadable files, no state folder, or another pass
// that is running.
func (d *Rotator) Pass(ctx context.Context, req Request) ([]Result, error) {
	if req.DryRun {
		d = d.readOnlyCopy()
	}
	w, leave, err := d.openWorld(ctx, req.Options, req.Profiles)
	if err != nil {
		return nil, err
	}
	defer leave()
	var results []Result
	away := outage{passBegan: d.Now().UTC()}
	status := state.Status{Version: state.StatusVersion, Process: d.Process, PID: os.Getpid(), SettingsErr: d.SettingsProblem, Notes: w.lastingNotes(d.Settings), Files: w.filesRead}
	for _, t := range w.targets {
		if len(req.Profiles) > 0 && !t.hasProfile(req.Profiles) {
			if t.lastStatus != nil { // as the previous pass left it
				status.Keys = append(status.Keys, *t.lastStatus)
			}
			continue
		}
		if decision := decide.Next(t.facts, d.Settings, d.Now()); !decision.EndsPass() {
			away.shareFailure(t, decision.Do, d.Now())
		}
		result := d.settleTarget(ctx, t, req)
		away.noteTarget(t)
		results = append(results, result)
		status.Keys = append(status.Keys, result.KeyStatus)
	}
	if req.DryRun {
		return results, nil
	}
	status.Written = d.Now().UTC()
	return results, status.Save(d.Sys, d.StateDir)
}

// lastingNotes returns the notes for the status. It leaves out the notes about
// profiles that appear only in keyd.ini: keyd status looks for those itself,
// and keyd.ini may have been corrected by then.
func (w *world) lastingNotes(s settings.Settings) []string {
	strangers := s.UnknownProfiles(w.profileNames())
	return slices.DeleteFunc(slices.Clone(w.notes), func(note string) bool { return slices.Contains(strangers, note) })
}

// maxActions bounds the actions of one pass on one key. A whole rotation with
// --retire-now takes about fifteen.
const maxActions = 40

// settleTarget acts on one key until there is nothing left to do, and looks
// again after every action.
func (d *Rotator) settleTarget(ctx context.Context, t *target, req Request) Result {
	if req.rehearse {
		return d.rehearseTarget(ctx, t)
	}
	if err := d.noteRetireNow(t, req); err != nil {
		return d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), err)
	}
	for range maxActions {
		d.reportAlive()
		decision := decide.Next(t.facts, d.Settings, d.Now())
		d.logDecision(t, decision)
		if decision.EndsPass() {
			t.clearStaleFailure(d.Now())
			return d.makeResult(t, decision, nil)
		}
		if req.DryRun && decision.Do != decide.DoLook {
			return d.previewTarget(ctx, t, decision)
		}
		if err := context.Cause(ctx); err != nil {
			return d.makeResult(t, decision, err)
		}
		err := d.runAction(ctx, t, decision)
		if isInterrupted(ctx, err) {
			return d.makeResult(t, decision, context.Cause(ctx))
		}
		if mayBeRenamed(err) && decision.Do != decide.DoLook && d.checkRenamed(ctx, t) { // a look has already checked for a new name
			continue
		}
		d.recordOutcome(t, decision.Do, err)
		if err != nil {
			return d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), err)
		}
		if err := d.rereadTarget(ctx, t); err != nil {
			return d.makeResult(t, decision, err)
		}
		if decision.Do == decide.DoCreate { // the proof may take a quarter of an hour
			d.saveProgress(t)
		}
	}
	return d.makeResult(t, decide.BlockUntil(d.Now().Add(decide.RecheckEvery), "keyd went in circles and stopped", "please report it with: keyd history"), nil)
}

// noteRetireNow journals that a person wants the rotation in progress to end
// now.
func (d *Rotator) noteRetireNow(t *target, req Request) error {
	r := t.facts.Rotation
	if r == nil || !req.RetireNow || req.DryRun || r.RetireNow && r.OrphanID == "" || t.facts.RotationErr != nil {
		return nil
	}
	if !r.Held.IsZero() {
		return &needPersonError{text: "the rotation is held", hint: hint.Command("keyd resume", r.Profiles()[0])}
	}
	r.RetireNow, r.OrphanCertain = true, r.OrphanID != "" // by now the status has named the orphan
	return d.JournalDir().Save(r)
}

// logDecision logs a decision. It leaves out "until" when only a change helps.
func (d *Rotator) logDecision(t *target, decision decide.Decision) {
	attrs := []any{"profile", strings.Join(t.facts.Profiles, ","), "key", credfile.Short(t.facts.ID), "do", string(decision.Do), "why", decision.Why}
	if !decision.Until.IsZero() {
		attrs = append(attrs, "until", decision.Until)
	}
	d.Log.Debug("decided", attrs...)
}

// previewTarget ends a dry run: it returns what would be done, and which values
// would change.
func (d *Rotator) previewTarget(ctx context.Context, t *target, decision decide.Decision) Result {
	r := d.makeResult(t, decision, nil)
	if decision.Do == decide.DoPreflight || decision.Do == decide.DoCreate {
		r.Changes, r.Err = d.Store.Preview(ctx, t.facts.ID)
	}
	return r
}

// reportAlive reports to the watchdog that the pass is still working.
func (d *Rotator) reportAlive() {
	if d.Heartbeat != nil {
		d.Heartbeat()
	}
}

// isInterrupted reports whether err comes from the cancellation of ctx.
func isInterrupted(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}

// TimeToNextPass returns how long to sleep after a pass: until the next due time, but
// never longer than check_every, so that an edited file or a laptop that slept is
// noticed.
func (d *Rotator) TimeToNextPass(results []Result) time.Duration {
	step := d.Settings.CheckEvery
	if due := EarliestDue(results); !due.IsZero() {
		step = min(step, due.Sub(d.Now()))
	}
	return max(step, time.Second)
}

// EarliestDue returns the earliest time at which something is due; zero when nothing is.
func EarliestDue(results []Result) (due time.Time) {
	for _, r := range results {
		if !r.Until.IsZero() && (due.IsZero() || r.Until.Before(due)) {
			due = r.Until
		}
	}
	return due
}
