package rotate_test

import (
	"slices"
	"testing"

	"keyd/daemon/decide"
)

// lead is where a scene goes when nothing goes wrong.
type lead struct {
	to    uint64
	ends  bool // there, or with a person who is told what to do
	trace trace
}

// maxPasses is how many it may take to an end.
const maxPasses = 60

// reachesEnd follows a trace, and on without faults. Of scenes that are one but for
// the time that is left of a wait, one can seem to lead to itself.
func (s *search) reachesEnd(t *testing.T, tr trace) bool {
	w := s.firstScene()
	for _, step := range tr {
		w, _ = s.followStep(t, w, step)
	}
	for range maxPasses {
		r := s.runTake(t, w, nil, s.mistake, false)
		if s.hasEnded(r) || r.asksPerson() {
			return true
		}
		w = r.scene
	}
	return false
}

// asksPerson reports whether a person is told what to do, or has said what is to be.
func (r *take) asksPerson() bool {
	return r.err == nil && (r.result.State == decide.StateHeld || r.result.Do == decide.DoBlock && r.result.Hint != "")
}

// findDeadEnds is I4: from every scene, without further faults, the rotation ends or
// asks a person. What looks like a circle is followed: see arrives.
func (s *search) findDeadEnds(arrives func(trace) bool) {
	good := map[uint64]bool{}
	for id, l := range s.leads {
		path, at := []uint64{}, id
		for !good[at] {
			l, known := s.leads[at]
			if !known || l.ends { // not known: of a scene that was not gone into
				good[at] = true
				break
			}
			path = append(path, at)
			if at = l.to; slices.Contains(path, at) {
				break
			}
		}
		if !good[at] && !arrives(l.trace) {
			s.found = append(s.found, finding{"I4: the rotation neither ends nor asks a person", l.trace})
			continue
		}
		for _, p := range path {
			good[p] = true
		}
	}
}

// repeatTrace follows one trace, and says what happens at each effect.
func (s *search) repeatTrace(t *testing.T, text string) {
	steps, err := parseTrace(text)
	if err != nil {
		t.Fatal(err)
	}
	w := s.firstScene()
	for i, step := range steps {
		next, r := s.followStep(t, w, step)
		w = next
		for n, e := range r.effects {
			t.Logf("%d.%d %s", i+1, n+1, e.what)
			if n+1 == step.crash {
				break
			}
		}
		t.Logf("pass %d: %s, %s %s (%v) %s", i+1, r.result.Do, r.result.Why, r.result.Hint, r.err, step.how)
		for _, o := range r.others {
			t.Logf("\t%s: %s, %s %s (%v)", o.Profiles[0], o.Do, o.Why, o.Hint, o.Err)
		}
		for _, wrong := range r.violations {
			t.Error(wrong)
		}
	}
}

// followStep does one step of a trace.
func (s *search) followStep(t *testing.T, w *scene, step step) (*scene, *take) {
	r := s.runTake(t, w, step.faults, s.mistake, true)
	for _, m := range r.moments {
		if m.after != step.crash {
			continue
		}
		for _, dead := range r.deathScenes(m, s.mistake) {
			if dead.trace[len(dead.trace)-1].how == step.how {
				r.violations = append(r.violations, dead.checkDeath(m.usable)...)
				return dead, r
			}
		}
	}
	return r.scene, r
}
