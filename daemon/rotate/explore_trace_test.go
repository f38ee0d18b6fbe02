package rotate_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyd/daemon/decide"
)

// step is one take in a trace: its faults, and how it ended.
type step struct {
	faults []fault
	crash  int    // the effect after which the process died; 0 means that it did not die
	how    string // "killed", or how the power failed
}

// trace says how a scene came about. parseTrace reads its text, so that a
// person can repeat it.
type trace []step

// with returns the trace with one more step.
func (t trace) with(s step) trace { return append(t[:len(t):len(t)], s) }

// String writes the trace as in "61 killed; 26 second laptop & 30 lost":
// steps, and in them the number of an effect and what happened there.
func (t trace) String() string {
	var steps []string
	for _, s := range t {
		var parts []string
		for _, f := range s.faults {
			parts = append(parts, fmt.Sprintf("%d %s", f.at, f.fate.name))
		}
		if s.crash > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", s.crash, s.how))
		}
		steps = append(steps, strings.Join(parts, " & "))
	}
	return strings.Join(steps, "; ")
}

// parseTrace reads what String writes.
func parseTrace(text string) (trace, error) {
	var t trace
	for part := range strings.SplitSeq(text, ";") {
		var s step
		for one := range strings.SplitSeq(part, "&") {
			number, name, ok := strings.Cut(strings.TrimSpace(one), " ")
			if !ok {
				continue
			}
			at, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("%q is not the number of an effect", number)
			}
			if i := slices.IndexFunc(fates, func(f fate) bool { return f.name == name }); i >= 0 {
				s.faults = append(s.faults, fault{at, &fates[i]})
				continue
			}
			s.crash, s.how = at, name
		}
		t = append(t, s)
	}
	return t, nil
}

// lead says where a scene leads when nothing goes wrong.
type lead struct {
	to    uint64 // fingerprint of the next scene
	ends  bool   // the rotation ends there, or a person is told what to do
	trace trace
}

// maxPasses is how many passes without a fault a rotation may need to reach
// an end.
const maxPasses = 60

// reachesEnd follows a trace, continues without faults, and reports whether
// the rotation ends or a person is asked. Scenes that differ only in the time
// left to wait can have one fingerprint, so that a scene seems to lead to
// itself.
func (s *search) reachesEnd(t *testing.T, tr trace) bool {
	w := s.firstScene()
	for _, step := range tr {
		w, _ = s.followStep(t, w, step)
	}
	for range maxPasses {
		r := s.runTake(t, w, nil, s.mistake, false)
		if s.isDone(r) {
			return true
		}
		w = r.scene
	}
	return false
}

// isDone reports whether, for each user, the rotation has ended, or a person is asked.
func (s *search) isDone(r *take) bool {
	for _, user := range users {
		if r.has(user) && !s.hasEndedFor(r, user) && !r.asksPerson(user) {
			return false
		}
	}
	return true
}

// asksPerson reports whether keyd tells a person what to do about a user's key, or waits
// because a person has said so.
func (r *take) asksPerson(user int) bool {
	x := r.resultOf(user)
	return r.err == nil && x != nil && (x.State == decide.StateHeld || x.Do == decide.DoBlock && x.Hint != "")
}

// findDeadEnds checks I4: from every scene, without further faults, the
// rotation ends or asks a person. It calls arrives to follow what looks like
// a circle.
func (s *search) findDeadEnds(arrives func(trace) bool) {
	good := map[uint64]bool{}
	for id, l := range s.leads {
		path, at := []uint64{}, id
		for !good[at] {
			l, known := s.leads[at]
			if !known || l.ends { // the search did not continue from unknown scenes
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

// repeatTrace follows one trace and logs every effect.
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
		for _, o := range r.results {
			t.Logf("\t%s: %s, %s %s (%v)", o.Profiles[0], o.Do, o.Why, o.Hint, o.Err)
		}
		for _, wrong := range r.violations {
			t.Error(wrong)
		}
	}
}

// followStep runs one step of a trace over w.
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

// TestSearchFindsDeadEnds searches a graph in which scene 1 leads to an end,
// 3 and 4 lead to each other, and 5 leads to them.
func TestSearchFindsDeadEnds(t *testing.T) {
	s := search{leads: map[uint64]lead{1: {to: 2}, 2: {ends: true}, 3: {to: 4}, 4: {to: 3}, 5: {to: 4}, 6: {to: 1}}}
	s.findDeadEnds(func(trace) bool { return false })
	if len(s.found) != 3 {
		t.Errorf("%d dead ends, want those of 3, 4 and 5", len(s.found))
	}
}
