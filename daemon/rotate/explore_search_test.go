package rotate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
)

// search goes through every scene that up to so many faults lead to. A scene
// that was seen before, by its key, is not gone into again.
type search struct {
	setting
	most    int // faults
	light   bool
	mistake *mistake
	draw    draw

	queue [][]*task       // by the number of faults
	seen  map[uint64]bool // scenes, by key
	tried map[uint64]bool // effects, by mark
	leads map[uint64]lead // where a scene goes without a fault
	tally tally
	found []finding // violations, those with the fewest faults first
}

// draw is what a search tries when it is not to try everything.
type draw struct {
	runs [3]int   // how many runs it draws from those of so many faults; 0: it makes all of them
	thin int      // one in so many runs of a fault is gone into further; 0: every one
	only []string // what a run of one fault, two faults and so on must have in its trace
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
	key    uint64 // of the scene
	faults []fault
	run    *take
	next   []*scene // what it leads to: its end first, then the deaths that look new
	keys   []uint64 // of next
	deaths int
	wrong  []finding

	further bool // other faults are tried on top of this run
}

// explore goes through everything, worlds of fewer faults first: the first
// finding has the shortest trace.
func (s *search) explore(t *testing.T) {
	s.seen, s.tried, s.tally.reasons = map[uint64]bool{}, map[uint64]bool{}, map[string]int{}
	s.leads = map[uint64]lead{}
	s.queue = make([][]*task, s.most+1)
	s.queue[0] = []*task{{scene: s.begin()}}
	s.commands(s.queue[0][0].scene, 0)
	for n := range s.queue {
		if n > 1 {
			s.queue[n] = slices.DeleteFunc(s.queue[n], func(k *task) bool { return !strings.Contains(k.text(), *with) })
		}
		s.limit(n)
		for taken := 0; len(s.queue[n]) > 0 && len(s.found) == 0; {
			if *progress {
				fmt.Fprintf(os.Stderr, "%d faults: %d tasks; %s\n", n, len(s.queue[n]), s.tally)
			}
			batch := s.queue[n][:min(len(s.queue[n]), s.batch())]
			s.queue[n] = s.queue[n][len(batch):]
			for i, k := range batch {
				k.further = n < s.most && (n == 0 || (taken+i)%max(s.draw.thin, 1) == 0)
			}
			taken += len(batch)
			s.do(t, batch)
		}
	}
}

// text is the trace of a run before it is made.
func (k *task) text() string { return k.scene.trace.with(step{faults: k.faults}).String() }

// limit leaves out the runs of n faults that are not to be made.
func (s *search) limit(n int) {
	if n > 0 && n <= len(s.draw.only) {
		s.queue[n] = slices.DeleteFunc(s.queue[n], func(k *task) bool { return !strings.Contains(k.text(), s.draw.only[n-1]) })
	}
	switch {
	case n < len(s.draw.runs) && s.draw.runs[n] > 0:
		s.sample(n, s.draw.runs[n])
	case n > 2:
		s.sample(n, *samples)
	}
}

// sample draws from the runs of n faults.
func (s *search) sample(n, most int) {
	rng := rand.New(rand.NewPCG(*sampleSeed, uint64(n)))
	rng.Shuffle(len(s.queue[n]), func(i, j int) { s.queue[n][i], s.queue[n][j] = s.queue[n][j], s.queue[n][i] })
	s.queue[n] = s.queue[n][:min(len(s.queue[n]), most)]
}

// batch is how many tasks are done before they are counted: few where a finding
// is expected soon.
func (s *search) batch() int {
	if s.mistake != nil {
		return 16
	}
	return 2000
}

// do does the tasks on all cores, and takes them in by their order: the same
// search finds the same scenes.
func (s *search) do(t *testing.T, batch []*task) {
	const workers = 2
	var wait sync.WaitGroup
	var next atomic.Int64
	for range workers {
		wait.Go(func() {
			for j := next.Add(1) - 1; j < int64(len(batch)); j = next.Add(1) - 1 {
				batch[j].do(t, s)
			}
		})
	}
	wait.Wait()
	for _, k := range batch {
		s.count(k)
	}
	clear(batch) // or the queue keeps every scene that it ever held
}

// more plans a run for each fault that can come on top of a task's own.
func (s *search) more(k *task) {
	if !k.further {
		return
	}
	n := k.scene.faults + len(k.faults)
	rank := inSingles
	if n > 0 {
		rank = inPairs
	}
	for i, e := range k.run.effects {
		mark := k.run.marks[i]
		if mark == 0 || s.tried[mark] || s.light && amid(k.run.effects, i) {
			continue
		}
		s.tried[mark] = true
		for j := range fates {
			if f := &fates[j]; f.fit(e) && (!s.light || f.stands >= rank && k.goesWith(f) && f.apt(e, rank)) {
				faults := append(k.faults[:len(k.faults):len(k.faults)], fault{i + 1, f})
				s.queue[n+1] = append(s.queue[n+1], &task{scene: k.scene, faults: faults})
			}
		}
	}
}

// goesWith reports whether f is worth a run after the faults of the same pass:
// what fails for good fails anyway, and what people do is tried with the faults
// of other passes, and with deaths.
func (k *task) goesWith(f *fate) bool {
	for _, first := range k.faults {
		disk := first.fate.disk != nil
		if f.person != nil || first.fate.person != nil || first.fate.command != nil || first.fate.forGood && disk == (f.disk != nil) {
			return false
		}
	}
	return true
}

// amid reports whether an effect stands in the middle of others of its name:
// the fourth round of a proof is like the third.
func amid(effects []effect, i int) bool {
	const around = 7 // two rounds of three calls
	same := func(part []effect) bool { return slices.Contains(part, effects[i]) }
	return effects[i].kind == asks && same(effects[max(i-around, 0):i]) && same(effects[i+1:min(i+1+around, len(effects))])
}

// do is one run with everything that follows from it at once.
func (k *task) do(t *testing.T, s *search) {
	k.run = s.execute(t, k.scene, k.faults, s.mistake, k.further)
	for _, wrong := range k.run.wrong {
		k.wrong = append(k.wrong, finding{wrong, k.run.trace})
	}
	k.next, k.keys = append(k.next, k.run.scene), append(k.keys, k.run.scene.key(s.light))
	if !k.further {
		return
	}
	for _, m := range k.run.moments {
		var shared *memo
		for _, w := range k.run.deaths(m, s.mistake) {
			k.deaths++
			if shared == nil {
				shared = newMemo(w)
			}
			w.memo = shared
			for _, wrong := range w.died(m.works) {
				k.wrong = append(k.wrong, finding{wrong, w.trace})
			}
			if id := w.key(s.light); !s.seen[id] && !slices.Contains(k.keys, id) {
				k.next, k.keys = append(k.next, w), append(k.keys, id)
			}
			w.memo = nil // it is long, and good for this instant only
		}
	}
	k.run.moments = nil
}

// count adds a task to the tally, and plans what follows from it.
func (s *search) count(k *task) {
	s.tally.runs++
	s.tally.byFaults[min(k.scene.faults+len(k.faults), 7)]++
	s.tally.moments += k.deaths
	s.found = append(s.found, k.wrong...)
	if len(k.faults) == 0 {
		s.leads[k.key] = lead{k.keys[0], k.run.asks() || s.ended(k.run), k.run.trace}
	}
	for i, w := range k.next {
		if i == 0 && s.over(k.run) || s.seen[k.keys[i]] {
			continue
		}
		s.seen[k.keys[i]] = true
		s.tally.scenes++
		s.queue[w.faults] = append(s.queue[w.faults], &task{scene: w, key: k.keys[i]})
		s.commands(w, k.keys[i])
	}
	s.more(k)
}

// over reports whether nothing is to be done after a run.
func (s *search) over(r *take) bool {
	switch {
	case s.ended(r) && lab.Settled(r.result):
		s.tally.settled++
		return true
	case s.ended(r):
		s.tally.reasons["skipped: "+r.result.Why]++
		return true
	case r.err == nil && r.result.State == decide.StateHeld && r.result.Until.IsZero():
		s.tally.asked++
		s.tally.reasons["held"]++
		return true
	case r.err == nil && r.result.Do == decide.DoBlock && r.result.Until.IsZero():
		s.tally.asked++
		s.tally.reasons[plain(r.result.Why)]++
		if r.result.Hint == "" {
			s.found = append(s.found, finding{"I4: a person is asked, and not told what to run: " + r.result.Why, r.trace})
		}
		return true
	}
	return false
}

// ended reports whether there is nothing left to rotate, or nothing due.
func (s *search) ended(r *take) bool {
	return r.err == nil && len(r.journals()) == 0 && (lab.Settled(r.result) || r.result.State == decide.StateSkipped)
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
	var text strings.Builder
	text.WriteString(fmt.Sprintf("%d scenes, %d runs (by faults %v), %d deaths, %d settled, %d asked a person", c.scenes, c.runs, c.byFaults, c.moments, c.settled, c.asked))
	for _, why := range slices.Sorted(func(yield func(string) bool) {
		for k := range c.reasons {
			if !yield(k) {
				return
			}
		}
	}) {
		text.WriteString(fmt.Sprintf("\n  %6d  %s", c.reasons[why], why))
	}
	return text.String()
}
