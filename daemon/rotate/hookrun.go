package rotate

import (
	"context"
	"errors"
	"sync"
	"time"

	"keyd/credfile"
	"keyd/daemon/settings"
)

// HookRunner runs the hooks of keyd.ini. Package daemon has the real one, on package
// notify: nothing else starts programs.
type HookRunner interface {
	// Check returns an error if the command of the hook cannot be started, as far as can
	// be told without that.
	Check(h settings.Hook) error
	// Run runs the hook until it ends, its timeout is over, or ctx ends.
	Run(ctx context.Context, call HookCall) HookOutcome
}

// HookCall is one run of a hook.
type HookCall struct {
	Hook    settings.Hook
	Stdin   []byte            // holds the secret of the pair if the hook gets it
	Secrets []credfile.Secret // what the outcome must not show
}

// HookOutcome is how a run of a hook has ended. It holds no secret.
type HookOutcome struct {
	Err      error  // nil when it has succeeded
	Definite bool   // trying again does not help until a person has acted
	Said     string // the last line that it printed
	Output   string // all that it printed, or the end of it
	Leaked   bool   // it has printed a secret
}

// hookRuns are the hooks that this process is running, or that have ended since the last
// round. A hook runs while the lock is free, from one round of a pass to a later one, or to
// one of a later pass.
type hookRuns struct {
	mu   sync.Mutex
	runs map[string]*hookRun // by the id of the old key: each rotation runs one hook at a time
}

// hookRun is one hook that was started.
type hookRun struct {
	name, digest, keyID string // what runs, and the id of the pair that it is to deliver
	began               time.Time
	limit               time.Duration
	cancel              context.CancelCauseFunc
	done                chan struct{} // closed when outcome is set
	outcome             HookOutcome
}

// find returns the run for the rotation of oldID, or nil.
func (h *hookRuns) find(oldID string) *hookRun {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runs[oldID]
}

// reserve makes run the one of the rotation of oldID, which has none, and returns true. It
// returns false while another rotation runs the same hook: most commands are not made to
// run twice at once. Two steps may reserve at the same time.
func (h *hookRuns) reserve(oldID string, run *hookRun) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, other := range h.runs {
		if other.name == run.name && !other.hasEnded() {
			return false
		}
	}
	if h.runs == nil {
		h.runs = map[string]*hookRun{}
	}
	run.done = make(chan struct{})
	h.runs[oldID] = run
	return true
}

// start starts a reserved run. With waits it returns when the run has ended.
func (r *hookRun) start(runner HookRunner, call HookCall, waits bool) {
	ctx, cancel := context.WithCancelCause(context.Background()) // no round lasts as long as the hook
	r.cancel = cancel
	do := func() {
		defer cancel(nil)
		r.outcome = runner.Run(ctx, call)
		close(r.done)
	}
	if waits {
		do()
		return
	}
	go do()
}

// forget forgets the run for the rotation of oldID, which has ended or was not started.
func (h *hookRuns) forget(oldID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.runs, oldID)
}

// end ends the run for the rotation of oldID, if there is one, and forgets it.
func (h *hookRuns) end(oldID string) {
	run := h.find(oldID)
	if run == nil {
		return
	}
	run.cancel(errHookEnded)
	<-run.done
	h.forget(oldID)
}

// errHookEnded is why a hook ends whose result is no longer wanted.
var errHookEnded = errors.New("keyd has ended it")

// hasEnded reports whether the run has ended.
func (r *hookRun) hasEnded() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// endHooks ends the hooks of all rotations, and notes in their journals that they do not
// run any more.
func (d *Rotator) endHooks(turns []*turn) {
	d.EndHooks()
	for _, u := range turns {
		d.noteHooksEnded(u.target)
	}
}

// EndHooks ends the hooks that this process is still running, and the questions for MFA
// codes, and waits for that. Each is run, or asked, again by a later pass. Call it before the process ends: nothing else would end them.
func (d *Rotator) EndHooks() {
	d.sessions.endAsking()
	if d.hookRuns == nil {
		return
	}
	d.hookRuns.mu.Lock()
	var open []string
	for oldID := range d.hookRuns.runs {
		open = append(open, oldID)
	}
	d.hookRuns.mu.Unlock()
	for _, oldID := range open {
		d.hookRuns.end(oldID)
	}
}
