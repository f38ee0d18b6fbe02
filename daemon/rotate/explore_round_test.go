package rotate_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// runPass runs the rounds of a pass. Before each round but the first the lock is free,
// which counts as an effect: another process can act then.
func (r *take) runPass(ctx context.Context, req rotate.Request) ([]rotate.Result, error) {
	s := r.d.NewSchedule(req)
	defer r.d.EndHooks()
	r.expectHealing()
	for {
		results, next, err := s.Round(ctx)
		if err != nil || next.IsZero() {
			return results, err
		}
		r.openGap()
		time.Sleep(next.Sub(r.d.Now()))
	}
}

// openGap is the effect that the lock is free.
func (r *take) openGap() {
	r.checkRound()
	_ = r.applyEffect(effect{what: "gap", kind: gap}, func(*fate) error { return nil })
	r.expectHealing()
}

// command is what a person runs.
type command func(*take, context.Context) ([]rotate.Result, error)

// meanwhile are the fates in which a person runs a command in another process, from
// beginning to end, while a pass is in progress: between two of its rounds, or in the
// middle of a step, where the lock keeps the command out.
var meanwhile = []fate{
	{name: "keyd hold meanwhile", kinds: []kind{gap}, beside: holdBeside, rank: inSingles},
	{name: "keyd resume meanwhile", kinds: []kind{gap}, beside: commandOnDefault((*rotate.Rotator).Resume), rank: inSingles},
	{name: "keyd rotate meanwhile", kinds: []kind{gap}, beside: passWith(decide.Options{Manual: true}), rank: inSingles},
	{name: "keyd rotate --retire-now meanwhile", kinds: []kind{gap}, beside: passWith(decide.Options{Manual: true, RetireNow: true}), rank: inSingles},
	{name: "keyd rotate in a step", kinds: []kind{order}, beside: passWith(decide.Options{Manual: true}), rank: inSingles},
	{name: "journals removed", kinds: []kind{gap}, act: (*scene).removeJournals, rank: inSingles},
}

// runBeside runs a command in a second process.
func (r *take) runBeside(ctx context.Context, do command) {
	mine := r.d
	r.startProcess(r.sys(), r)
	_, _ = do(r, ctx) // that it may refuse is no fault
	r.d = mine
}

// holdBeside runs keyd hold. If it says that it has held the rotation, the pass obeys.
func holdBeside(r *take, ctx context.Context) ([]rotate.Result, error) {
	results, err := commandOnDefault((*rotate.Rotator).Hold)(r, ctx)
	r.held = err == nil && results[0].State == decide.StateHeld
	return results, err
}

// checkHeld checks that what a person has said in the middle of a pass counts.
func (r *take) checkHeld() {
	if r.held && r.result.State != decide.StateHeld {
		r.reportViolation("hold", "a person has held the rotation, and it is not: %s %s", r.result.State, r.result.Why)
	}
}

// removeJournals removes all journals, as a person or a cleaning tool does that has found
// the state folder. Until keyd has restored them, the only copy of a new secret may be in
// its memory.
func (w *scene) removeJournals() {
	for _, path := range w.journalPaths() {
		if id := jsonField(w.disk.Data(path), "new_id"); id != "" {
			w.ghost.missing += id
		}
		_ = w.disk.Remove(path)
	}
}

// noteRestored notes the secrets that are in a journal again, which a power failure would
// leave there.
func (w *scene) noteRestored() {
	for _, path := range w.journalPaths() {
		if id := jsonField(w.disk.Kept(path), "new_id"); id != "" && !slices.Contains(w.disk.Unsynced(), path) {
			w.ghost.missing = strings.ReplaceAll(w.ghost.missing, id, "")
		}
	}
}

// checkRestored checks that a process that lives on restores what was removed.
func (r *take) checkRestored() {
	if r.ghost.missing == "" || len(r.faults) > 1 || r.err != nil {
		return
	}
	was := r.ghost.missing
	r.ghost.missing = ""
	if id := r.findOrphan(); id != "" && strings.Contains(was, id) {
		r.reportViolation("I5", "%s is active, its journal was removed, and its secret is nowhere", id)
	}
	r.ghost.missing = was
}

// twoPasses runs a pass of the daemon and keyd rotate in another process, whose rounds
// take turns.
func (r *take) twoPasses(ctx context.Context) ([]rotate.Result, error) {
	type pass struct {
		d       *rotate.Rotator
		s       *rotate.Schedule
		next    time.Time
		results []rotate.Result
		err     error
		over    bool
	}
	daemon := &pass{d: r.d, s: r.d.NewSchedule(rotate.Request{}), next: time.Now()}
	r.startProcess(r.sys(), r)
	person := &pass{d: r.d, s: r.d.NewSchedule(rotate.Request{Options: decide.Options{Manual: true}}), next: time.Now().Add(time.Millisecond)}
	defer person.d.EndHooks()
	defer daemon.d.EndHooks()
	left := []*pass{daemon, person}
	for {
		one := slices.MinFunc(left, func(a, b *pass) int { return a.next.Compare(b.next) })
		time.Sleep(time.Until(one.next))
		r.d = one.d
		own, cancel := context.WithCancel(ctx)
		r.stop = cancel
		one.results, one.next, one.err = one.s.Round(own)
		cancel()
		one.over = r.dead || one.err != nil || one.next.IsZero()
		if r.dead {
			one.err, r.dead = errDead, false
		}
		if left = slices.DeleteFunc(left, func(p *pass) bool { return p.over }); len(left) == 0 {
			break
		}
		r.openGap()
	}
	r.d = daemon.d
	if daemon.err != nil {
		return person.results, person.err
	}
	return daemon.results, daemon.err
}

// errDead is what each call of a process returns that was killed while another one lives
// on. It has no effect.
var errDead = errors.New("this process was killed")

// deaths are the fates of one of two processes.
var deaths = []fate{
	{name: "one of two killed", kinds: []kind{order, diskChange, hookRun}, kills: true, rank: inPairs},
}

// hasTwo reports whether the take is one of two passes that take turns.
func (k *task) hasTwo() bool { return len(k.faults) == 1 && k.faults[0].fate.name == "two passes" }

// expectHealing notes, while the lock is free, which places show an old key again after
// the swap. keyd repairs those before any other key takes a step.
func (r *take) expectHealing() {
	r.stepped = [2]int{}
	for _, user := range users {
		r.heals[user] = false
		for _, path := range r.journalsOf(user) {
			old, data := strings.TrimSuffix(filepath.Base(path), ".json"), string(r.disk.Data(path))
			for _, p := range places {
				shown, _ := r.shownKey(p)
				next := jsonField([]byte(data), "new_id")
				r.heals[user] = r.heals[user] || shown == old && p.user == user && r.isKept(p) && strings.Contains(data, `"validated"`) &&
					!strings.Contains(data, `"held"`) && !strings.Contains(data, `"new_dead"`) && r.cloud.IsUsable(next, r.cloud.Secrets()[next])
			}
		}
	}
}

// checkRound checks I12 at the end of a round. What heals goes first and alone, and a key
// whose place shows an old key again waits for no other one. Faults excuse it.
func (r *take) checkRound() {
	for _, f := range r.faults {
		if !f.fate.inFiles || len(r.standing) > 0 {
			return
		}
	}
	before, stepped := r.heals, r.stepped
	r.expectHealing()
	for _, user := range users {
		others := stepped[alice] + stepped[bob] - stepped[user]
		switch healed := !r.heals[user]; {
		case !before[user] || others == 0:
		case healed:
			r.reportViolation("I12", "another key has taken a step before %s was repaired", placeOf(user))
		case stepped[user] == 0:
			r.reportViolation("I12", "%s shows an old key again and waits for another key", placeOf(user))
		}
	}
}
