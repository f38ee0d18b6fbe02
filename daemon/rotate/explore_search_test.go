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
	maxFaults int // faults
	light     bool
	mistake   *mistake
	draw      draw

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
	scene            *scene
	fingerprint      uint64 // of the scene
	faults           []fault
	take             *take
	next             []*scene // what it leads to: its end first, then the deaths that look new
	nextFingerprints []uint64 // of next
	deaths           int
	findings         []finding

	further bool // other faults are tried on top of this run
}

// exploreScenes goes through everything, worlds of fewer faults first: the first
// finding has the shortest trace.
func (s *search) exploreScenes(t *testing.T) {
	s.seen, s.tried, s.tally.reasons = map[uint64]bool{}, map[uint64]bool{}, map[string]int{}
	s.leads = map[uint64]lead{}
	s.queue = make([][]*task, s.maxFaults+1)
	s.queue[0] = []*task{{scene: s.firstScene()}}
	s.planCommands(s.queue[0][0].scene, 0)
	for n := range s.queue {
		if n > 1 {
			s.queue[n] = slices.DeleteFunc(s.queue[n], func(k *task) bool { return !strings.Contains(k.traceText(), *onlyWith) })
		}
		s.limitRuns(n)
		for taken := 0; len(s.queue[n]) > 0 && len(s.found) == 0; {
			if *progress {
				fmt.Fprintf(os.Stderr, "%d faults: %d tasks; %s\n", n, len(s.queue[n]), s.tally)
			}
			batch := s.queue[n][:min(len(s.queue[n]), s.batchSize())]
			s.queue[n] = s.queue[n][len(batch):]
			for i, k := range batch {
				k.further = n < s.maxFaults && (n == 0 || (taken+i)%max(s.draw.thin, 1) == 0)
			}
			taken += len(batch)
			s.runBatch(t, batch)
		}
	}
}

// traceText is the trace of a run before it is made.
func (k *task) traceText() string { return k.scene.trace.with(step{faults: k.faults}).String() }

// limitRuns leaves out the runs of n faults that are not to be made.
func (s *search) limitRuns(n int) {
	if n > 0 && n <= len(s.draw.only) {
		s.queue[n] = slices.DeleteFunc(s.queue[n], func(k *task) bool { return !strings.Contains(k.traceText(), s.draw.only[n-1]) })
	}
	switch {
	case n < len(s.draw.runs) && s.draw.runs[n] > 0:
		s.drawRuns(n, s.draw.runs[n])
	case n > 2:
		s.drawRuns(n, *samples)
	}
}

// drawRuns draws from the runs of n faults.
func (s *search) drawRuns(n, most int) {
	rng := rand.New(rand.NewPCG(*sampleSeed, uint64(n)))
	rng.Shuffle(len(s.queue[n]), func(i, j int) { s.queue[n][i], s.queue[n][j] = s.queue[n][j], s.queue[n][i] })
	s.queue[n] = s.queue[n][:min(len(s.queue[n]), most)]
}

// batchSize is how many tasks are done before they are counted: few where a finding
// is expected soon.
func (s *search) batchSize() int {
	if s.mistake != nil {
		return 16
	}
	return 2000
}

// runBatch does the tasks on all cores, and takes them in by their order: the same
// search finds the same scenes.
func (s *search) runBatch(t *testing.T, batch []*task) {
	const workers = 2
	var wait sync.WaitGroup
	var next atomic.Int64
	for range workers {
		wait.Go(func() {
			for j := next.Add(1) - 1; j < int64(len(batch)); j = next.Add(1) - 1 {
				batch[j].runTask(t, s)
			}
		})
	}
	wait.Wait()
	for _, k := range batch {
		s.countTask(k)
	}
	clear(batch) // or the queue keeps every scene that it ever held
}

// planFaults plans a run for each fault that can come on top of a task's own.
func (s *search) planFaults(k *task) {
	if !k.further {
		return
	}
	n := k.scene.faults + len(k.faults)
	rank := inSingles
	if n > 0 {
		rank = inPairs
	}
	for i, e := range k.take.effects {
		mark := k.take.marks[i]
		if mark == 0 || s.tried[mark] || s.light && isAmidAlike(k.take.effects, i) {
			continue
		}
		s.tried[mark] = true
		for j := range fates {
			if f := &fates[j]; f.canHappenAt(e) && (!s.light || f.rank >= rank && k.combinesWith(f) && f.mattersAt(e, rank)) {
				faults := append(k.faults[:len(k.faults):len(k.faults)], fault{i + 1, f})
				s.queue[n+1] = append(s.queue[n+1], &task{scene: k.scene, faults: faults})
			}
		}
	}
}

// combinesWith reports whether f is worth a run after the faults of the same pass:
// what fails for good fails anyway, and what people do is tried with the faults
// of other passes, and with deaths.
func (k *task) combinesWith(f *fate) bool {
	for _, first := range k.faults {
		disk := first.fate.disk != nil
		if f.act != nil || first.fate.act != nil || first.fate.command != nil || first.fate.lasts && disk == (f.disk != nil) {
			return false
		}
	}
	return true
}

// runTask is one run with everything that follows from it at once.
func (k *task) runTask(t *testing.T, s *search) {
	k.take = s.runTake(t, k.scene, k.faults, s.mistake, k.further)
	for _, wrong := range k.take.violations {
		k.findings = append(k.findings, finding{wrong, k.take.trace})
	}
	k.next, k.nextFingerprints = append(k.next, k.take.scene), append(k.nextFingerprints, k.take.scene.fingerprint(s.light))
	if !k.further {
		return
	}
	for _, m := range k.take.moments {
		var shared *memo
		for _, w := range k.take.deathScenes(m, s.mistake) {
			k.deaths++
			if shared == nil {
				shared = newMemo(w)
			}
			w.memo = shared
			for _, wrong := range w.checkDeath(m.usable) {
				k.findings = append(k.findings, finding{wrong, w.trace})
			}
			if id := w.fingerprint(s.light); !s.seen[id] && !slices.Contains(k.nextFingerprints, id) {
				k.next, k.nextFingerprints = append(k.next, w), append(k.nextFingerprints, id)
			}
			w.memo = nil // it is long, and good for this instant only
		}
	}
	k.take.moments = nil
}

// countTask adds a task to the tally, and plans what follows from it.
func (s *search) countTask(k *task) {
	s.tally.runs++
	s.tally.byFaults[min(k.scene.faults+len(k.faults), 7)]++
	s.tally.moments += k.deaths
	s.found = append(s.found, k.findings...)
	if len(k.faults) == 0 {
		s.leads[k.fingerprint] = lead{k.nextFingerprints[0], k.take.asksPerson() || s.hasEnded(k.take), k.take.trace}
	}
	for i, w := range k.next {
		if i == 0 && s.isOver(k.take) || s.seen[k.nextFingerprints[i]] {
			continue
		}
		s.seen[k.nextFingerprints[i]] = true
		s.tally.scenes++
		s.queue[w.faults] = append(s.queue[w.faults], &task{scene: w, fingerprint: k.nextFingerprints[i]})
		s.planCommands(w, k.nextFingerprints[i])
	}
	s.planFaults(k)
}

// isOver reports whether nothing is to be done after a run.
func (s *search) isOver(r *take) bool {
	switch {
	case s.hasEnded(r) && lab.Settled(r.result):
		s.tally.settled++
		return true
	case s.hasEnded(r):
		s.tally.reasons["skipped: "+r.result.Why]++
		return true
	case r.err == nil && r.result.State == decide.StateHeld && r.result.Until.IsZero():
		s.tally.asked++
		s.tally.reasons["held"]++
		return true
	case r.err == nil && r.result.Do == decide.DoBlock && r.result.Until.IsZero():
		s.tally.asked++
		s.tally.reasons[withoutIDs(r.result.Why)]++
		if r.result.Hint == "" {
			s.found = append(s.found, finding{"I4: a person is asked, and not told what to run: " + r.result.Why, r.trace})
		}
		return true
	}
	return false
}

// hasEnded reports whether there is nothing left to rotate, or nothing due.
func (s *search) hasEnded(r *take) bool {
	return r.err == nil && len(r.journalPaths()) == 0 && (lab.Settled(r.result) || r.result.State == decide.StateSkipped)
}

// withoutIDs takes the ids out of a reason.
func withoutIDs(why string) string {
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

// planCommands plans the runs in which a person acts in a scene.
func (s *search) planCommands(w *scene, key uint64) {
	if w.faults >= s.maxFaults {
		return
	}
	for i := range commands {
		if f := &commands[i]; !s.light || f.rank > inSingles || w.faults == 0 {
			s.queue[w.faults+1] = append(s.queue[w.faults+1], &task{scene: w, fingerprint: key, faults: []fault{{atStart, f}}})
		}
	}
}
