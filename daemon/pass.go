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

// Request is what one pass is for. The zero Request is every key, what is due.
type Request struct {
	Ask
	Profiles []string // only the keys of these
	DryRun   bool     // look, decide, change nothing
}

// Result is how one key stood when its part of the pass ended.
type Result struct {
	KeyLine
	Do       Do
	Rotation *Rotation         // nil when none goes on
	Err      error             // the failure that ended it, if one did
	Changes  []credfile.Change // of a dry run
}

// Pass looks at every key, does what is due, and saves the status. It ends when
// every key waits, needs a person, or failed. A failure with one key does not
// keep the others from their turn; it is in the key's Result. The error is for
// what concerns all of them: no files, no state folder, another pass running.
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
	for _, u := range w.units {
		if len(req.Profiles) > 0 && !u.names(req.Profiles) {
			if u.line != nil { // as the pass before left it
				status.Keys = append(status.Keys, *u.line)
			}
			continue
		}
		if decision := Next(u.facts, d.Settings, d.Now()); !decision.Ends() {
			away.share(u, decision.Do, d.Now())
		}
		result := d.settle(ctx, u, req)
		away.note(u)
		results = append(results, result)
		status.Keys = append(status.Keys, result.KeyLine)
	}
	if req.DryRun {
		return results, nil
	}
	status.Written = d.Now().UTC()
	return results, status.save(d.Sys, d.State)
}

// lasting are the notes for the status. Which profiles only keyd.ini names is
// none of them: the reader finds that out, and keyd.ini may be mended by then.
func (w *world) lasting(s Settings) []string {
	strangers := s.Strangers(w.profiles())
	return slices.DeleteFunc(slices.Clone(w.notes), func(note string) bool { return slices.Contains(strangers, note) })
}

// maxSteps bounds the actions of one pass over one key. A whole rotation with
// --retire-now takes about fifteen.
const maxSteps = 40

// settle acts on one key until nothing is left to do, looking again after every
// action.
func (d *Daemon) settle(ctx context.Context, u *unit, req Request) Result {
	if err := d.hurry(u, req); err != nil {
		return d.result(u, Next(u.facts, d.Settings, d.Now()), err)
	}
	for range maxSteps {
		d.tick()
		decision := Next(u.facts, d.Settings, d.Now())
		d.Log.Debug("decided", append([]any{"profile", strings.Join(u.facts.Profiles, ","), "key", short(u.facts.ID),
			"do", string(decision.Do), "why", decision.Why}, until(decision.Until)...)...)
		if decision.Ends() {
			u.outlive(d.Now())
			return d.result(u, decision, nil)
		}
		if req.DryRun && decision.Do != Look {
			return d.preview(ctx, u, decision)
		}
		if err := context.Cause(ctx); err != nil {
			return d.result(u, decision, err)
		}
		err := d.act(ctx, u, decision)
		if interrupted(ctx, err) {
			return d.result(u, decision, context.Cause(ctx))
		}
		if isNobody(err) && decision.Do != Look && d.renamed(ctx, u) { // a look has asked that itself
			continue
		}
		d.remember(u, decision.Do, err)
		if err != nil {
			return d.result(u, Next(u.facts, d.Settings, d.Now()), err)
		}
		if err := d.lookAgain(ctx, u); err != nil {
			return d.result(u, decision, err)
		}
		if decision.Do == Create { // proving may take a quarter of an hour
			d.show(u)
		}
	}
	return d.result(u, blocked(d.Now().Add(recheck), "keyd went in circles and stopped", "please report it with: keyd history"), nil)
}

// hurry notes that a person wants a rotation that goes on to end now.
func (d *Daemon) hurry(u *unit, req Request) error {
	r := u.facts.Rotation
	if r == nil || !req.RetireNow || req.DryRun || r.RetireNow && r.Orphan == "" || u.facts.Unread != nil {
		return nil
	}
	if !r.Held.IsZero() {
		return &needPersonError{text: "the rotation is held", run: Command("keyd resume", r.Profiles()[0])}
	}
	r.RetireNow, r.OrphanExact = true, r.Orphan != "" // which the status has named by now
	return d.journal().Save(r)
}

// preview is the end of a dry run: what would be done, and to which values.
func (d *Daemon) preview(ctx context.Context, u *unit, decision Decision) Result {
	r := d.result(u, decision, nil)
	if decision.Do == Preflight || decision.Do == Create {
		r.Changes, r.Err = d.Store.Preview(ctx, u.facts.ID)
	}
	return r
}

// show lets keyd status see how a key stands in the middle of a pass. A status
// that cannot be written now is written, or complained about, at the end.
func (d *Daemon) show(u *unit) {
	_ = d.saveLine(u, d.result(u, Next(u.facts, d.Settings, d.Now()), nil))
}

// tick tells the watchdog that the pass goes on.
func (d *Daemon) tick() {
	if d.beat != nil {
		d.beat()
	}
}

func interrupted(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}

// result is how the key stands after the last decision of a pass.
func (d *Daemon) result(u *unit, decision Decision, err error) Result {
	return Result{KeyLine: lineOfUnit(u, decision), Do: decision.Do, Rotation: u.facts.Rotation, Err: err}
}

// remember keeps or clears the trouble of an action.
func (d *Daemon) remember(u *unit, do Do, err error) {
	before := u.facts.Trouble
	if err == nil {
		if before != nil && before.Do == do {
			u.facts.Trouble = nil
		}
		return
	}
	t := &Trouble{Do: do, At: d.Now().UTC(), Count: 1, Why: err.Error(), Hint: Hint(err), Definite: needsPerson(err),
		Offline: offline(err), Intercepted: iam.Intercepted(err)}
	if before != nil && before.Do == do {
		t.goesOn(before, d.awake)
	}
	u.facts.Trouble = t
	d.Log.Warn("failed", "profile", strings.Join(u.facts.Profiles, ","), "key", short(u.facts.ID), "do", string(do), "why", err.Error())
}
