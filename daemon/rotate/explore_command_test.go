package rotate_test

import (
	"context"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// commands are what a person runs instead of waiting for the next pass. Each
// counts as one fault; what goes wrong in it is tried as in any pass.
var commands = append([]fate{
	{name: "keyd rotate", command: asked(decide.Options{Manual: true}), stands: inSingles},
	{name: "keyd rotate --force", command: asked(decide.Options{Manual: true, Force: true}), stands: inSingles},
	{name: "keyd rotate --retire-now", command: asked(decide.Options{Manual: true, RetireNow: true}), stands: inPairs},
	{name: "keyd hold", command: one((*rotate.Rotator).Hold), stands: inPairs},
	{name: "keyd resume", command: one((*rotate.Rotator).Resume), stands: inPairs},
	{name: "keyd prune", command: (*take).prune, stands: inPairs},
}, odds...)

// atStart is the number of the effect at which a command is run.
const atStart = 0

func asked(a decide.Options) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		return r.d.Pass(ctx, rotate.Request{Options: a})
	}
}

func one(do func(*rotate.Rotator, context.Context, string) (rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		result, err := do(r.d, ctx, "default")
		if err != nil {
			return nil, err
		}
		return []rotate.Result{result}, nil
	}
}

// prune names the newest key that the file does not show, as a person does who
// has read the status.
func (r *take) prune(ctx context.Context) ([]rotate.Result, error) {
	shown, _ := r.shows(credentials)
	for _, k := range r.cloud.Keys(r.user()) {
		if k.ID != shown {
			r.named = k.ID
		}
	}
	p, err := r.d.FindSecondKey(ctx, "default", r.named)
	if err != nil || p.Active && r.named == "" { // an active one must be named
		return nil, err
	}
	r.named = p.KeyID
	return nil, r.d.Prune(ctx, p)
}

// process does what the process was started for: the daemon's pass, or a
// command.
func (r *take) process(ctx context.Context) ([]rotate.Result, error) {
	if c := r.command(); c != nil {
		return c(r, ctx)
	}
	return r.d.Pass(ctx, rotate.Request{})
}

func (r *take) command() func(*take, context.Context) ([]rotate.Result, error) {
	if len(r.faults) == 0 || r.faults[0].at != atStart {
		return nil
	}
	return r.faults[0].fate.command
}

// begins is when the process is started: a person does not wait for the time at
// which something is due.
func (r *take) begins(w *scene) time.Time {
	if soon := w.since.Add(restartAfter); r.command() != nil && !w.since.IsZero() && soon.Before(w.at) {
		return soon
	}
	return w.at
}

// commands plans the runs in which a person acts in a scene.
func (s *search) commands(w *scene, key uint64) {
	if w.faults >= s.most {
		return
	}
	for i := range commands {
		if f := &commands[i]; !s.light || f.stands > inSingles || w.faults == 0 {
			s.queue[w.faults+1] = append(s.queue[w.faults+1], &task{scene: w, key: key, faults: []fault{{atStart, f}}})
		}
	}
}
