package daemon

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// Request says what one pass is for. The zero Request does whatever is due, for
// every key.
type Request struct {
	Ask
	Profiles []string // only the keys of these profiles; empty means all
	DryRun   bool     // look and decide, but change nothing
}

// Result says how one key stood when its part of the pass ended.
type Result struct {
	KeyLine
	Do       Do
	Rotation *Rotation         // nil when none is in progress
	Err      error             // the failure that ended the key's part of the pass, or nil
	Changes  []credfile.Change // what a dry run would change in the files
}

// Pass looks at every key, does what is due, and saves the status. It ends when
// every key waits, needs a person, or has failed. The failure of one key does
// not delay the others; it is in that key's Result. The returned error is for
// what concerns all keys: unreadable files, no state folder, or another pass
// that is running.
func (d *Daemon) Pass(ctx context.Context, req Request) ([]Result, error) {
	if req.DryRun {
		d = d.reader()
	}
	leave, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	w, err := d.gather(ctx, req.Ask)
	if err != nil {
		return nil, err
	}
	if err := w.know(req.Profiles, d.Store.Paths); err != nil {
		return nil, err
	}
	var results []Result
	away := absence{began: d.Now().UTC()}
	status := Status{Version: statusVersion, Process: d.Process, PID: os.Getpid(), Settings: d.SettingsProblem, Notes: w.lasting(d.Settings), Files: w.files}
	for _, t := range w.units {
		if len(req.Profiles) > 0 && !t.names(req.Profiles) {
			if t.line != nil { // as the previous pass left it
				status.Keys = append(status.Keys, *t.line)
			}
			continue
		}
		if decision := Next(t.facts, d.Settings, d.Now()); !decision.Ends() {
			away.share(t, decision.Do, d.Now())
		}
		result := d.settle(ctx, t, req)
		away.note(t)
		results = append(results, result)
		status.Keys = append(status.Keys, result.KeyLine)
	}
	if req.DryRun {
		return results, nil
	}
	status.Written = d.Now().UTC()
	return results, status.save(d.Sys, d.State)
}

// lastingNotes returns the notes for the status. It leaves out the notes about
// profiles that appear only in keyd.ini: keyd status looks for those itself,
// and keyd.ini may have been corrected by then.
func (w *world) lasting(s Settings) []string {
	strangers := s.Strangers(w.profiles())
	return slices.DeleteFunc(slices.Clone(w.notes), func(note string) bool { return slices.Contains(strangers, note) })
}

// maxActions bounds the actions of one pass on one key. A whole rotation with
// --retire-now takes about fifteen.
const maxSteps = 40

// settleTarget acts on one key until there is nothing left to do, and looks
// again after every action.
func (d *Daemon) settle(ctx context.Context, t *unit, req Request) Result {
	if err := d.hurry(t, req); err != nil {
		return d.result(t, Next(t.facts, d.Settings, d.Now()), err)
	}
	for range maxSteps {
		d.tick()
		decision := Next(t.facts, d.Settings, d.Now())
		d.Log.Debug("decided", append([]any{"profile", strings.Join(t.facts.Profiles, ","), "key", credfile.Short(t.facts.ID),
			"do", string(decision.Do), "why", decision.Why}, until(decision.Until)...)...)
		if decision.Ends() {
			t.outlive(d.Now())
			return d.result(t, decision, nil)
		}
		if req.DryRun && decision.Do != Look {
			return d.preview(ctx, t, decision)
		}
		if err := context.Cause(ctx); err != nil {
			return d.result(t, decision, err)
		}
		err := d.act(ctx, t, decision)
		if interrupted(ctx, err) {
			return d.result(t, decision, context.Cause(ctx))
		}
		if isNobody(err) && decision.Do != Look && d.renamed(ctx, t) { // a look has already checked for a new name
			continue
		}
		d.remember(t, decision.Do, err)
		if err != nil {
			return d.result(t, Next(t.facts, d.Settings, d.Now()), err)
		}
		if err := d.lookAgain(ctx, t); err != nil {
			return d.result(t, decision, err)
		}
		if decision.Do == Create { // the proof may take a quarter of an hour
			d.show(t)
		}
	}
	return d.result(t, blocked(d.Now().Add(recheck), "keyd went in circles and stopped", "please report it with: keyd history"), nil)
}

// noteRetireNow journals that a person wants the rotation in progress to end
// now.
func (d *Daemon) hurry(t *unit, req Request) error {
	r := t.facts.Rotation
	if r == nil || !req.RetireNow || req.DryRun || r.RetireNow && r.Orphan == "" || t.facts.Unread != nil {
		return nil
	}
	if !r.Held.IsZero() {
		return &needPersonError{text: "the rotation is held", run: Command("keyd resume", r.Profiles()[0])}
	}
	r.RetireNow, r.OrphanExact = true, r.Orphan != "" // by now the status has named the orphan
	return d.journal().Save(r)
}

// previewTarget ends a dry run: it returns what would be done, and which values
// would change.
func (d *Daemon) preview(ctx context.Context, t *unit, decision Decision) Result {
	r := d.result(t, decision, nil)
	if decision.Do == Preflight || decision.Do == Create {
		r.Changes, r.Err = d.Store.Preview(ctx, t.facts.ID)
	}
	return r
}

// saveProgress lets keyd status show how a key stands in the middle of a pass.
// If the status cannot be written now, the end of the pass writes it or reports
// why not.
func (d *Daemon) show(t *unit) {
	_ = d.saveLine(t, d.result(t, Next(t.facts, d.Settings, d.Now()), nil))
}

// reportAlive reports to the watchdog that the pass is still working.
func (d *Daemon) tick() {
	if d.beat != nil {
		d.beat()
	}
}

// isInterrupted reports whether err comes from the cancellation of ctx.
func interrupted(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}

// makeResult describes how the key stands after the last decision of a pass.
func (d *Daemon) result(t *unit, decision Decision, err error) Result {
	return Result{KeyLine: lineOfUnit(t, decision), Do: decision.Do, Rotation: t.facts.Rotation, Err: err}
}

// recordOutcome records the failure of an action, or clears the recorded one
// after a success.
func (d *Daemon) remember(t *unit, do Do, err error) {
	before := t.facts.Trouble
	if err == nil {
		if before != nil && before.Do == do {
			t.facts.Trouble = nil
		}
		return
	}
	failure := &Trouble{Do: do, At: d.Now().UTC(), Count: 1, Why: err.Error(), Hint: Hint(err), Definite: needsPerson(err),
		Offline: offline(err), Intercepted: iam.Intercepted(err)}
	if before != nil && before.Do == do {
		failure.goesOn(before, d.awake)
	}
	t.facts.Trouble = failure
	d.Log.Warn("failed", "profile", strings.Join(t.facts.Profiles, ","), "key", credfile.Short(t.facts.ID), "do", string(do), "why", err.Error())
}
