package rotate_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// retiring is the setting in which a key is retired: it is not due, and AWS does not count
// the question about its use.
var retiring = setting{name: "retiring", age: 10 * settings.Day, retires: true, lag: awssim.Lag{LastUsed: quick.LastUsed}, proofRounds: 2}

// keydRetire is a person who retires the key of the profile "default". Between the
// question and the answer the lock is free.
var keydRetire = fate{name: "keyd retire", command: func(r *take, ctx context.Context) ([]rotate.Result, error) {
	p, err := r.d.PlanRetirement(ctx, "default", false)
	if err != nil {
		return nil, err
	}
	r.openGap()
	result, err := r.d.Retire(ctx, p)
	if err != nil {
		return nil, err
	}
	return []rotate.Result{result}, nil
}, rank: inPairs}

// retireStory is a part of a retirement that is explored: what is run in a scene.
type retireStory struct {
	name    string
	scene   *scene
	command *fate // nil: a pass
	holds   bool  // the command is keyd hold
}

// TestExploreRetirement explores the end of a key without a successor: the command that
// begins it, the pass that ends it, and keyd hold in between. Each process is killed at
// each of its moments, the power fails there, and each fault and each deed of another
// person happens at each of its effects. Then passes without a fault follow. Whatever
// happens, no invariant is broken, and in the end the old key is deleted or works, no
// other key of keyd's is left, and no journal; or a person is asked, and what the status
// says helps. An old key that a person has held in time is never deleted.
func TestExploreRetirement(t *testing.T) {
	t.Parallel()
	for _, lag := range []awssim.Lag{retiring.lag, quick} {
		s := retiring
		s.lag = lag
		every := 122
		if lag.Replicas > 0 {
			every, s.proofRounds = 422, 0
		}
		every = cmp.Or(*everyth, every)
		begin := retireStory{name: "begin", scene: s.firstScene(), command: &keydRetire}
		inactive := s.runTake(t, begin.scene, []fault{{atStart, &keydRetire}}, nil, false)
		if inactive.err != nil || inactive.result.State != decide.StateRetiring || len(inactive.violations) > 0 {
			t.Fatalf("%s: %s (%v) %v\n%s", inactive.result.State, inactive.result.Why, inactive.err, inactive.violations, inactive.log.String())
		}
		stories := []retireStory{begin, {name: "end", scene: inactive.scene}, {name: "hold", scene: inactive.scene, command: fateNamed(t, "keyd hold"), holds: true}}
		for _, story := range stories {
			t.Run(fmt.Sprintf("%s, %d replicas", story.name, max(lag.Replicas, 1)), func(t *testing.T) {
				t.Parallel()
				story.explore(t, s, every)
			})
		}
	}
}

// explore runs one part of a retirement with everything that can happen to it, or with
// every nth of that.
func (story retireStory) explore(t *testing.T, s setting, every int) {
	var faults []fault
	if story.command != nil {
		faults = []fault{{atStart, story.command}}
	}
	base := s.runTake(t, story.scene, faults, nil, true)
	ends := map[string]int{}
	if len(base.violations) > 0 {
		t.Fatal(base.violations)
	}
	ends[s.mustEnd(t, base.scene, nil, story.isHeld(base))]++
	type attempt func() (w *scene, wrong []string, held bool)
	var attempts []attempt
	for _, m := range base.moments {
		for _, dead := range base.deathScenes(m, nil) {
			attempts = append(attempts, func() (*scene, []string, bool) { return dead, dead.checkDeath(m.usable), dead.saysKept() })
		}
	}
	identified := story.name != "begin"
	for i, e := range base.effects {
		for j := range fates {
			f := &fates[j]
			if f.command != nil || f.kills || !f.canHappenAt(e) || !f.mattersAt(e, inSingles) || f.rank < inSingles && !deeptest.On() || f.lie != nil && !identified { // what is said first contradicts nothing
				continue
			}
			attempts = append(attempts, func() (*scene, []string, bool) {
				r := s.runTake(t, story.scene, append(faults[:len(faults):len(faults)], fault{i + 1, f}), nil, false)
				return r.scene, r.violations, story.isHeld(r)
			})
		}
		identified = identified || e.what == "GetCallerIdentity"
	}
	some := deeptest.Sample(attempts, every)
	for _, try := range some {
		w, wrong, held := try()
		ends[s.mustEnd(t, w, wrong, held)]++
	}
	t.Logf("%d effects; %d of %d deaths and faults: %v", len(base.effects), len(some), len(attempts), ends)
}

// isHeld reports whether a person was told, or a journal says, that the old key stays.
func (story retireStory) isHeld(r *take) bool {
	return story.holds && (r.err == nil && r.result.Err == nil && r.result.Rotation == nil || r.saysKept())
}

// saysKept reports whether a journal says that the old key stays because a person wants
// it back.
func (w *scene) saysKept() bool {
	for _, path := range w.journalPaths() {
		if bytes.Contains(w.disk.Data(path), []byte("wants it back")) {
			return true
		}
	}
	return false
}

// mustEnd continues from a scene without faults, and fails the test unless the retirement
// ends well. It returns how it has ended. held says that the old key must not be deleted.
func (s setting) mustEnd(t *testing.T, w *scene, wrong []string, held bool) string {
	t.Helper()
	from, said := w, ""
	var r *take
	for range 14 {
		var faults []fault
		if said != "" {
			command := readHint(said)
			if command == nil {
				break
			}
			faults = []fault{{atStart, command}}
		}
		r = s.runTake(t, w, faults, nil, false)
		wrong, w, said = append(wrong, r.violations...), r.scene, ""
		if r.err == nil && r.result.Rotation == nil && r.result.State != "" && !r.result.NeedsPerson && r.result.State != decide.StateWaiting {
			break
		}
		if r.result.NeedsPerson {
			said = r.result.Hint
		}
	}
	old := w.ghost.of[alice].firstKey.ID
	end := "asked: " + withoutIDs(r.result.Why)
	switch keys := w.keysOf(alice); {
	case r.result.NeedsPerson && r.result.Hint != "":
		t.Logf("%s\n\tasks: %s; %s", from.trace, r.result.Why, r.result.Hint)
	case r.result.Rotation != nil || len(w.journalPaths()) > 0:
		wrong = append(wrong, "it does not end: "+string(r.result.State)+" "+r.result.Why)
	case r.result.State == decide.StateSkipped:
		end = "retired"
		if held && !w.ghost.othersActed {
			wrong = append(wrong, "a person has held it, and it is gone")
		}
		if len(keys) > 0 && !w.ghost.othersActed {
			wrong = append(wrong, fmt.Sprintf("it is retired, and these are left: %v", keys))
		}
	default:
		end = "kept"
		if !w.ghost.othersActed && (len(keys) != 1 || keys[0].ID != old || keys[0].Status != "Active") {
			wrong = append(wrong, fmt.Sprintf("it is kept, and these are left: %v", keys))
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%s\n\tends with %s %s; %s (%v)\n\t%s", from.trace, r.result.State, r.result.Why, r.result.Hint, r.err, strings.Join(wrong, "\n\t"))
	}
	return end
}
