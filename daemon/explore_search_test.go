package daemon

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// search goes through every scene that up to so many faults lead to. A scene
// that was seen before, by its key, is not gone into again.
type search struct {
	setting
	most  int // faults
	light bool
	bug   *bug

	seen  map[uint64]bool
	tally tally
	found []finding // violations, those with the fewest faults first
}

// tally is what a search has done.
type tally struct {
	runs, moments, scenes int
	byFaults              [8]int // runs
	settled, asked        int
	reasons               map[string]int // for which a person is asked
}

// finding is an invariant that did not hold.
type finding struct {
	wrong string
	trace trace
}

// task is one run to do.
type task struct {
	scene  *scene
	faults []fault
	run    *take
	next   []*scene // what it leads to: its end first, then the deaths that look new
	keys   []uint64 // of next
	deaths int
	wrong  []finding
}

// begin explores from the setting's first scene.
func (s *search) explore(t *testing.T) {
	s.seen, s.tally.reasons = map[uint64]bool{}, map[string]int{}
	first := s.begin()
	s.seen[first.key(s.light)] = true
	queue := make([][]*scene, s.most+2)
	queue[0] = []*scene{first}
	for n := range queue {
		for len(queue[n]) > 0 && len(s.found) == 0 {
			level := queue[n]
			if *progress {
				fmt.Fprintf(os.Stderr, "%d faults: %d scenes; %s\n", n, len(level), s.tally)
			}
			queue[n] = nil
			for _, w := range s.visit(t, level) {
				i := min(w.faults, s.most+1)
				queue[i] = append(queue[i], w)
			}
		}
	}
}

// visit does one pass from each scene without a fault, then, while faults are
// left to spend, one with each fault that can happen to it. It returns the
// scenes that are new.
func (s *search) visit(t *testing.T, level []*scene) (fresh []*scene) {
	var plain []*task
	for _, w := range level {
		s.tally.scenes++
		plain = append(plain, &task{scene: w})
	}
	fresh = s.do(t, plain)
	var faulty []*task
	for _, p := range plain {
		if p.scene.faults >= s.most {
			continue
		}
		for i, e := range p.run.effects {
			if s.light && amid(p.run.effects, i) {
				continue
			}
			for j := range fates {
				if f := &fates[j]; f.fit(e) && (!s.light || f.light) {
					faulty = append(faulty, &task{scene: p.scene, faults: []fault{{i + 1, f}}})
				}
			}
		}
	}
	return append(fresh, s.do(t, faulty)...)
}

// amid reports whether an effect stands in the middle of others of its name:
// the fourth round of a proof is like the third.
func amid(effects []effect, i int) bool {
	const around = 7 // two rounds of three calls
	same := func(part []effect) bool { return slices.Contains(part, effects[i]) }
	return effects[i].kind == asks && same(effects[max(i-around, 0):i]) && same(effects[i+1:min(i+1+around, len(effects))])
}

// do does the tasks on all cores, and takes them in by their order: the same
// search finds the same scenes.
func (s *search) do(t *testing.T, tasks []*task) (fresh []*scene) {
	const workers = 2
	for batch := range slices.Chunk(tasks, 2000) {
		var wait sync.WaitGroup
		for i := range workers {
			wait.Go(func() {
				for j := i; j < len(batch); j += workers {
					batch[j].do(t, s)
				}
			})
		}
		wait.Wait()
		for _, task := range batch {
			fresh = append(fresh, s.count(task)...)
		}
	}
	return fresh
}

// do is one run with everything that follows from it at once.
func (k *task) do(t *testing.T, s *search) {
	k.run = k.scene.execute(t, k.faults, s.bug)
	for _, wrong := range k.run.wrong {
		k.wrong = append(k.wrong, finding{wrong, k.run.trace})
	}
	k.next, k.keys = append(k.next, k.run.scene), append(k.keys, k.run.scene.key(s.light))
	if k.scene.faults+len(k.faults) >= s.most {
		return
	}
	for _, m := range k.run.moments {
		for _, w := range k.run.deaths(m, s.bug) {
			k.deaths++
			for _, wrong := range w.died(m.works) {
				k.wrong = append(k.wrong, finding{wrong, w.trace})
			}
			if id := w.key(s.light); !s.seen[id] && !slices.Contains(k.keys, id) {
				k.next, k.keys = append(k.next, w), append(k.keys, id)
			}
		}
	}
	k.run.moments = nil
}

// count adds a task to the tally, and returns the scenes that are new.
func (s *search) count(k *task) (fresh []*scene) {
	s.tally.runs++
	s.tally.byFaults[min(k.scene.faults+len(k.faults), 7)]++
	s.tally.moments += k.deaths
	s.found = append(s.found, k.wrong...)
	for i, w := range k.next {
		if i == 0 && s.over(k.run) {
			continue
		}
		if id := k.keys[i]; !s.seen[id] {
			s.seen[id] = true
			fresh = append(fresh, w)
		}
	}
	return fresh
}

// over reports whether nothing is to be done after a run.
func (s *search) over(r *take) bool {
	switch {
	case r.err == nil && settled(r.result):
		s.tally.settled++
		return true
	case r.err == nil && r.result.State == Skipped:
		s.tally.reasons["skipped: "+r.result.Why]++
		return true
	case r.err == nil && r.result.Do == Blocked && r.result.Next.IsZero():
		s.tally.asked++
		s.tally.reasons[plain(r.result.Why)]++
		if r.result.Run == "" {
			s.found = append(s.found, finding{"I4: a person is asked, and not told what to run: " + r.result.Why, r.trace})
		}
		return true
	}
	return false
}

// plain takes the ids out of a reason.
func plain(why string) string {
	words := strings.Fields(why)
	for i, w := range words {
		if strings.HasPrefix(w, "AKIA") || strings.ContainsAny(w, "0123456789") {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}

func (c tally) String() string {
	text := fmt.Sprintf("%d scenes, %d runs (by faults %v), %d deaths, %d settled, %d asked a person", c.scenes, c.runs, c.byFaults, c.moments, c.settled, c.asked)
	for _, why := range slices.Sorted(func(yield func(string) bool) {
		for k := range c.reasons {
			if !yield(k) {
				return
			}
		}
	}) {
		text += fmt.Sprintf("\n  %6d  %s", c.reasons[why], why)
	}
	return text
}
