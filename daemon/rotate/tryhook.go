package rotate

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// HookTry is a hook that a person wants to run now, with the pair that the files show.
type HookTry struct {
	Hook    settings.Hook
	Profile string
	KeyID   string // whose pair it gets
	OldID   string // the old key of the rotation in progress; "" when there is none
	call    HookCall
	about   state.About
}

// PrepareHook finds out whether a hook may run now for the key of a profile, and with which
// pair. It changes nothing.
func (d *Rotator) PrepareHook(ctx context.Context, h settings.Hook, profile string) (HookTry, error) {
	w, leave, err := d.readOnlyCopy().openWorld(ctx, decide.Options{Manual: true}, []string{profile}, holdLockWait, false)
	if err != nil {
		return HookTry{}, err
	}
	defer leave()
	return d.prepareHook(ctx, w, h, profile)
}

// prepareHook is PrepareHook under the lock.
func (d *Rotator) prepareHook(ctx context.Context, w *world, h settings.Hook, profile string) (HookTry, error) {
	t := w.findTarget(profile, func(*target) bool { return true })
	try := HookTry{Hook: h, Profile: profile, about: d.about(t, VerbHookOK)}
	switch f := t.facts; {
	case f.RotationErr != nil:
		return try, f.RotationErr
	case f.Unreadable != nil:
		return try, &needPersonError{text: f.Unreadable.Why + ": no hook was run", hint: f.Unreadable.Hint}
	case f.SkipReason != "":
		return try, fmt.Errorf("%s: %s: no hook was run", profile, f.SkipReason)
	case !h.IsForAny(f.Profiles):
		return try, &hookProfileError{h, f.Profiles}
	}
	r := t.facts.Rotation
	pair := t.pair
	if r == nil {
		try.KeyID = pair.ID
	} else {
		try.OldID, try.KeyID = r.Old.ID, decide.DeliveredID(t.facts)
		if err := d.mayTryHook(t, &h, try.KeyID); err != nil {
			return try, err
		}
		var err error
		if pair, err = d.readDurable(ctx, t, try.KeyID); err != nil {
			return try, err
		}
	}
	var err error
	try.call, err = newHookCall(&h, t.hookInput(&h, hookTried, pair), pair, r)
	return try, err
}

// mayTryHook refuses a hook in a rotation whose files do not show one validated pair, and
// one that is running already.
func (d *Rotator) mayTryHook(t *target, h *settings.Hook, id string) error {
	r := t.facts.Rotation
	known := r.FindHook(h.Name)
	switch {
	case id == "":
		return &needPersonError{text: "the files do not all show the same pair in the middle of a rotation: no hook was run", hint: hint.Command("keyd status", t.facts.Profiles[0])}
	case id == r.New.ID && (r.Validated.IsZero() || !r.MendStarted.IsZero()):
		return &needPersonError{text: fmt.Sprintf("%s is in the files and is not validated yet: no hook was run", r.New), hint: hint.Command("keyd rotate", t.facts.Profiles[0])}
	case known != nil && d.Now().Before(known.RunsUntil):
		return &state.BusyError{}
	}
	return nil
}

// hookProfileError reports a hook that is for other profiles.
type hookProfileError struct {
	hook     settings.Hook
	profiles []string
}

func (e *hookProfileError) Error() string {
	return fmt.Sprintf("hook %s is not for %s: %s names other profiles; it was not run", e.hook.Name, e.profiles[0], e.hook.Line)
}

// RunHook runs the hook of try, and waits for it. If a rotation is in progress, its journal
// says how the hook has ended: a pair that it has delivered need not be delivered again. The
// error is for what kept the hook from running, or its end from the journal.
func (d *Rotator) RunHook(ctx context.Context, try HookTry) (HookOutcome, error) {
	if try.OldID != "" {
		begun, err := d.beginTry(ctx, try)
		if err != nil {
			return HookOutcome{}, err
		}
		try = begun
	}
	outcome := d.hooksOrNone().Run(ctx, try.call)
	if try.OldID == "" {
		entry := state.HistoryEntry{Time: d.Now().UTC(), Process: d.Process, PID: os.Getpid(), Profiles: []string{try.Profile}, Verb: VerbHookOK, KeyID: try.KeyID, Text: try.Hook.Name, About: try.about}
		if outcome.Err != nil {
			entry.Verb, entry.Text = VerbHookFailed, fmt.Sprintf("%s: failed: %v", try.Hook.Name, outcome.Err)
		}
		return outcome, d.appendEntry(entry)
	}
	return outcome, d.endTry(ctx, try, outcome)
}

// beginTry journals that the hook runs, so that no other process starts it meanwhile.
func (d *Rotator) beginTry(ctx context.Context, try HookTry) (HookTry, error) {
	w, leave, err := d.openWorld(ctx, decide.Options{Manual: true}, []string{try.Profile}, holdLockWait, false)
	if err != nil {
		return try, err
	}
	defer leave()
	now, err := d.prepareHook(ctx, w, try.Hook, try.Profile)
	if err != nil {
		return try, err
	}
	if now.KeyID != try.KeyID || now.OldID != try.OldID {
		return try, fmt.Errorf("the files show %s now, not %s: no hook was run", credfile.Short(now.KeyID), credfile.Short(try.KeyID))
	}
	r := w.findTarget(try.Profile, func(*target) bool { return true }).facts.Rotation
	r.BeginHook(try.Hook.Name, try.Hook.Digest(), try.KeyID, d.Now().UTC().Add(try.Hook.Timeout+decide.HookGrace))
	return now, d.JournalDir().Save(r)
}

// endTry journals how the hook has ended, unless its rotation has. A hook that ended with
// its process, because ctx has, did not fail.
func (d *Rotator) endTry(ctx context.Context, try HookTry, outcome HookOutcome) error {
	interrupted := context.Cause(ctx)
	w, leave, err := d.openWorld(context.WithoutCancel(ctx), decide.Options{}, nil, midPassLockWait, false)
	if err != nil {
		return err
	}
	defer leave()
	for _, t := range w.targets {
		if r := t.facts.Rotation; r != nil && r.Old.ID == try.OldID && r.FindHook(try.Hook.Name).IsAbout(try.Hook.Digest(), try.KeyID) {
			if interrupted != nil && outcome.Err != nil {
				r.FindHook(try.Hook.Name).RunsUntil = time.Time{}
				return d.JournalDir().Save(r)
			}
			h := try.Hook
			return cmp.Or(d.noteHookEnded(t, &h, try.KeyID, outcome), d.saveStatusLine(t, d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), nil)))
		}
	}
	return nil
}
