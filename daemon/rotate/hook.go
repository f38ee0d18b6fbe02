package rotate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// runHook starts the hook that is due, or finds out whether it has ended. The hook runs
// while the lock is free. Before it starts, the journal says that its place may hold the
// pair from then on, and by when it has ended: no other process starts it meanwhile. A
// process that is killed after the hook has succeeded, and before the journal says so,
// causes it to run again.
func (d *Rotator) runHook(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	h, id := decide.DueHook(t.facts, d.Settings, d.Now())
	if h == nil {
		return nil
	}
	if run := d.hookRuns.find(r.Old.ID); run != nil && run.isOf(h, id) {
		if !run.hasEnded() {
			d.emitProgress(t, decide.DoHook, VerbHook, h.Name, run.began, run.limit)
			return d.continueIn(t, min(max(d.Now().Sub(run.began)/8, hookPollMin), hookPollMax))
		}
		d.hookRuns.end(r.Old.ID)
		return d.noteHookEnded(t, h, id, run.outcome)
	}
	d.hookRuns.end(r.Old.ID) // of another pair, or as keyd.ini had it before
	pair, err := d.readDurable(ctx, t, id)
	if err != nil {
		return err
	}
	what := hookRotated
	if id == r.Old.ID {
		what = hookPutBack
	}
	call, err := newHookCall(h, t.hookInput(h, what, pair), pair, r)
	if err != nil {
		return err
	}
	now := d.Now().UTC()
	run := &hookRun{name: h.Name, digest: h.Digest(), keyID: id, began: now, limit: h.Timeout}
	if !d.hookRuns.reserve(r.Old.ID, run) {
		return d.continueIn(t, hookPollMax)
	}
	r.BeginHook(h.Name, h.Digest(), id, now.Add(h.Timeout+decide.HookGrace))
	if err := d.JournalDir().Save(r); err != nil {
		d.hookRuns.forget(r.Old.ID)
		return err
	}
	run.start(d.hooksOrNone(), call, d.oneByOne)
	return d.continueIn(t, hookPollMin)
}

// A hook that runs is looked at so often: the lock is taken for each look.
const (
	hookPollMin = 50 * time.Millisecond
	hookPollMax = 2 * time.Second
)

// isOf reports whether the run is one of the hook for the pair of the key id.
func (r *hookRun) isOf(h *settings.Hook, id string) bool {
	return r.name == h.Name && r.digest == h.Digest() && r.keyID == id
}

// readDurable makes the files durable, and returns the pair with the given id, of the
// rotation in progress, as every file shows it.
func (d *Rotator) readDurable(ctx context.Context, t *target, id string) (pair credfile.Key, err error) {
	want := t.facts.Rotation.New
	if id == t.facts.Rotation.Old.ID {
		want = t.facts.Rotation.Old
	}
	for _, p := range t.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return pair, err
		}
		if pair, err = d.Store.ReadBack(ctx, p); err != nil {
			return pair, err
		}
		if pair.ID != id || !want.Secret.IsZero() && !pair.Secret.Equal(want.Secret) {
			return pair, fmt.Errorf("%s does not show the pair of %s any more: no hook was run", p.Path, credfile.Short(id))
		}
	}
	if t.facts.Placement.OnlyLinks(t.facts.Rotation) && !want.Secret.IsZero() { // the validation has read them back
		return want, nil
	}
	if len(t.holders) == 0 {
		return pair, fmt.Errorf("no file shows %s any more: no hook was run", credfile.Short(id))
	}
	return pair, nil
}

// noteHookEnded journals how a hook has ended, and reports it. A hook that is not required
// is left out after a few failures.
func (d *Rotator) noteHookEnded(t *target, h *settings.Hook, id string, outcome HookOutcome) error {
	r, now := t.facts.Rotation, d.Now().UTC()
	known := r.FindHook(h.Name)
	if !known.IsAbout(h.Digest(), id) { // someone has removed the journal, or another process has run the hook since
		r.BeginHook(h.Name, h.Digest(), id, now)
		known = r.FindHook(h.Name)
	}
	known.RunsUntil, known.Said, known.Leaked = time.Time{}, outcome.Said, outcome.Leaked
	if outcome.Err == nil {
		known.Delivered, known.Why = now, ""
		known.Failures, known.Failed, known.Lasted, known.Definite, known.LeftOut = 0, time.Time{}, 0, false, false
		if err := d.JournalDir().Save(r); err != nil {
			return err
		}
		text := h.Name
		if said := known.Outcome(); said != "" {
			text += ": " + said
		}
		d.did(t, decide.DoHook, VerbHookOK, id, text, text)
		return nil
	}
	known.Why, known.Definite = outcome.Err.Error(), outcome.Definite
	decide.CountHookFailure(known, d.AwakeSince, now)
	left := decide.IsGivenUp(h, known.Failures) && !known.LeftOut
	known.LeftOut = known.LeftOut || left
	t.noteHookTried(h.Name)
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: failed: %s", h.Name, known.Outcome())
	switch {
	case left:
		text = fmt.Sprintf("%s: failed %d times: %s; it is not required, and the rotation continues without it: its place may still hold %s", h.Name, known.Failures, known.Outcome(), credfile.Short(r.Old.ID))
		d.did(t, decide.DoHook, VerbHookFailed, id, text, text)
	case known.Failures == 1:
		d.did(t, decide.DoHook, VerbHookFailed, id, text, text)
	default: // the status says so
		d.Log.Warn("hook failed", "key", credfile.Short(id), "hook", h.Name, "times", known.Failures, "why", known.Outcome())
	}
	return nil
}

// tellUndelivered reports the hooks that have not succeeded by the time that the old key is
// deleted. None of them is required. Those that were left out have been reported.
func (d *Rotator) tellUndelivered(t *target) {
	for _, h := range decide.ReportHooks(t.facts, d.Settings, d.Now()) {
		if h.State == "failed" || h.State == "due" {
			text := fmt.Sprintf("%s: has not succeeded (%s): its place may still hold %s, which is deleted", h.Name, cmp.Or(h.Why, "it was not run"), t.facts.Rotation.Old)
			d.did(t, decide.DoHook, VerbHookFailed, t.facts.Rotation.New.ID, text, text)
		}
	}
}

// noteHooksEnded takes back, after EndHooks, that the hooks of this process may still be
// running.
func (d *Rotator) noteHooksEnded(t *target) {
	r, name := t.facts.Rotation, t.facts.HookRuns
	if r == nil || name == "" || r.FindHook(name) == nil || d.readOnly {
		return
	}
	r.FindHook(name).RunsUntil = time.Time{}
	if err := d.JournalDir().Save(r); err != nil {
		d.Log.Warn("hook", "why", err.Error()) // it is run again somewhat later
	}
}

// checkHooks refuses a rotation whose required hooks cannot be started, or that has a hook
// which does not say whose pair it gets.
func (d *Rotator) checkHooks(t *target) error {
	if h, run := decide.CheckHooks(t.facts, d.Settings); h != nil {
		return &needPersonError{text: decide.UnclearHook(h, t.facts.Keys) + ", and no key was created", hint: run}
	}
	for _, h := range d.Settings.HooksFor(t.facts.Profiles) {
		if !h.Required {
			continue
		}
		if err := d.hooksOrNone().Check(h); err != nil {
			if d.Settings.IsManagedHook(h.Name) {
				return &needPersonError{text: fmt.Sprintf("hook %s: %v; no key was created", h.Name, err), err: err,
					hint: fmt.Sprintf("ask whoever manages this machine to correct [hook %s] of %s, or to install the program", h.Name, d.Settings.Managed.Path)}
			}
			return &needPersonError{text: fmt.Sprintf("hook %s: %v; no key was created", h.Name, err), err: err,
				hint: fmt.Sprintf("correct the program in [hook %s] of keyd.ini, with its whole path, or set required = false; then: %s", h.Name, hint.Command("keyd rotate", t.facts.Profiles[0]))}
		}
	}
	return nil
}

// hooksOrNone returns what runs hooks.
func (d *Rotator) hooksOrNone() HookRunner {
	if d.Hooks == nil {
		return noHooks{}
	}
	return d.Hooks
}

// noHooks refuses every hook, in a process that runs none.
type noHooks struct{}

var errNoHooks = errors.New("this keyd runs no hooks")

func (noHooks) Check(settings.Hook) error { return errNoHooks }

func (noHooks) Run(context.Context, HookCall) HookOutcome { return HookOutcome{Err: errNoHooks} }

// What has happened to the pair that a hook gets.
const (
	hookRotated = "rotated"  // the new pair is in the files
	hookPutBack = "put back" // the old pair is in the files again, and the new key is given up
	hookTried   = "tried"    // a person tries the hook
)

// hookInput is what a hook gets on standard input.
type hookInput struct {
	Version  int      `json:"version"` // 1
	Hook     string   `json:"hook"`
	Event    string   `json:"event"` // rotated, put back or tried
	Profiles []string `json:"profiles"`
	Account  string   `json:"account,omitzero"`
	User     string   `json:"user,omitzero"`
	Region   string   `json:"region,omitzero"`     // of the first profile
	OldKeyID string   `json:"old_key_id,omitzero"` // the key that the place held before, as far as keyd knows
	NewKeyID string   `json:"new_key_id"`          // the key that it is to hold

	AccessKeyID     string `json:"access_key_id,omitzero"`     // only with secrets = stdin
	SecretAccessKey string `json:"secret_access_key,omitzero"` // only with secrets = stdin
}

// hookInput describes the pair, without its secret.
func (t *target) hookInput(h *settings.Hook, what string, pair credfile.Key) hookInput {
	in := hookInput{Version: 1, Hook: h.Name, Event: what, Profiles: t.facts.Profiles, NewKeyID: pair.ID}
	if r := t.facts.Rotation; r != nil {
		in.Account, in.User = r.Account, r.User
		if in.OldKeyID = r.Old.ID; pair.ID == r.Old.ID {
			in.OldKeyID = r.New.ID
		}
	} else if t.facts.Seen != nil {
		in.Account, in.User = t.facts.Seen.Account, t.facts.Seen.User
	}
	for _, holder := range t.holders {
		if in.Region == "" {
			in.Region = holder.Endpoints.Region
		}
	}
	return in
}

// newHookCall returns the call of a hook for a pair. r may be nil.
func newHookCall(h *settings.Hook, in hookInput, pair credfile.Key, r *journal.Rotation) (HookCall, error) {
	call := HookCall{Hook: *h, Secrets: []credfile.Secret{pair.Secret}}
	if r != nil {
		for _, other := range []credfile.Key{r.Old, r.New} {
			if !other.Secret.IsZero() {
				call.Secrets = append(call.Secrets, other.Secret)
			}
		}
	}
	if h.GetsSecret() {
		in.AccessKeyID, in.SecretAccessKey = pair.ID, pair.Secret.Reveal()
		if h.Format == settings.FormatEnv {
			call.Stdin = fmt.Appendf(nil, "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", in.AccessKeyID, in.SecretAccessKey)
			return call, nil
		}
	}
	data, err := json.Marshal(in)
	call.Stdin = append(data, '\n')
	return call, err
}
