package rotate

import (
	"context"
	"errors"
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
	keyID    string   // only the key with this id, or the rotation that replaces it; "" means all
}

// Result says how one key stood when its part of the pass ended.
type Result struct {
	state.KeyStatus
	Do       decide.Do
	Rotation *journal.Rotation // nil when none is in progress
	Err      error             // the failure that ended the key's part of the pass, or nil
	About    state.About       // whom and what an event about the key concerns
	Changes  []credfile.Change // what a dry run would change in the files

	// Foresight is what the pass would do, after a dry run that has something to do.
	Foresight decide.Foresight

	// Ready reports, after Rehearse or a dry run, whether the preflight of a rotation passed:
	// the files can be edited, the state folder can be written, and the key may
	// deactivate a key of its user. Whether the key may create one is only known
	// once it does, since AWS has no way to ask. Ready is false for keys that are
	// left alone or need a person.
	Ready bool

	// Calls says, after Rehearse, what became of each kind of call that was made for the
	// key, by the names of IAM and STS: nil, or an *iam.Error. What was not asked is not
	// in it.
	Calls map[string]error
}

// Pass runs the rounds of a Schedule until every key waits, needs a person, or has
// failed. The failure of one key does not delay the others; it is in that key's
// Result. The returned error is for what concerns all keys: unreadable files, no
// state folder, or another pass that is running.
func (d *Rotator) Pass(ctx context.Context, req Request) ([]Result, error) {
	s := d.NewSchedule(req)
	defer d.EndHooks()
	for {
		results, next, err := s.Round(ctx)
		if err != nil || next.IsZero() {
			return results, err
		}
		_ = pauseFor(ctx, next.Sub(d.Now())) // after the end of ctx, one round saves how the keys stand
	}
}

// lastingNotes returns the notes for the status. It leaves out the notes about
// profiles that appear only in keyd.ini: keyd status looks for those itself,
// and keyd.ini may have been corrected by then.
func (w *world) lastingNotes(s settings.Settings) []string {
	strangers := s.UnknownProfiles(w.profileNames())
	return slices.DeleteFunc(slices.Clone(w.notes), func(note string) bool { return slices.Contains(strangers, note) })
}

// noteRetireNow journals that a person wants the rotation in progress to end
// now.
func (d *Rotator) noteRetireNow(t *target, req Request) error {
	r := t.facts.Rotation
	if r == nil || !req.RetireNow && !req.DeleteNow || t.facts.RotationErr != nil {
		return nil
	}
	if !r.Held.IsZero() {
		return &needPersonError{text: "the rotation is held", hint: hint.Command("keyd resume", r.Profiles()[0])}
	}
	if by := decide.ExcludedBy(t.facts, d.Settings); by != "" {
		return &needPersonError{text: by + " holds the rotation", hint: decide.ExcludedHint("let the rotation end", t.facts, d.Settings)}
	}
	if req.DryRun || r.RetireNow && (r.DeleteNow || !req.DeleteNow) {
		return nil
	}
	r.RetireNow, r.DeleteNow = true, r.DeleteNow || req.DeleteNow
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	verb, note := VerbRetireNow, "a person ended the overlap"
	if r.DeleteNow {
		verb, note = VerbDeleteNow, "a person ended the overlap and the quarantine"
	}
	d.appendHistory(t, verb, r.Old.ID, note)
	return nil
}

// logDecision logs a decision. It leaves out "until" when only a change helps.
func (d *Rotator) logDecision(t *target, decision decide.Decision) {
	attrs := []any{"profile", strings.Join(t.facts.Profiles, ","), "key", credfile.Short(t.facts.ID), "do", string(decision.Do), "why", decision.Why}
	if !decision.Until.IsZero() {
		attrs = append(attrs, "until", decision.Until)
	}
	d.Log.Debug("decided", attrs...)
}

// previewTarget ends a dry run, in which the looks and the preflight were really made: it
// returns what would be done, and which values would change.
func (d *Rotator) previewTarget(ctx context.Context, t *target, decision decide.Decision) Result {
	if decision.Do == decide.DoCheckUse { // a question, whose answer decides what follows; a round would forget it
		err := d.runToEnd(ctx, t, decision)
		if err != nil {
			d.recordOutcome(t, decision.Do, err)
		}
		if decision = decide.Next(t.facts, d.Settings, d.Now()); err != nil || decision.EndsPass() {
			return d.makeResult(t, decision, err)
		}
	}
	r := d.makeResult(t, decision, nil)
	r.Ready = t.facts.PreflightDone
	r.Foresight = decide.Foresee(t.facts, d.Settings, d.Now())
	if decision.Do == decide.DoCreate {
		r.Changes, r.Err = d.linkedStore().Preview(ctx, t.facts.ID)
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
