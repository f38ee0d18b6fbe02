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

// search runs takes over every scene that up to maxFaults faults lead to. It
// does not continue from a scene whose fingerprint it has seen before.
type search struct {
	setting
	maxFaults int      // in one trace
	light     bool     // some fates stand for others: see rank
	mistake   *mistake // that every take makes; nil means none
	draw      draw

	queue [][]*task       // tasks to do, by their number of faults
	seen  map[uint64]bool // scenes, by fingerprint
	tried map[uint64]bool // effects, by mark
	leads map[uint64]lead // where a scene leads without a fault, by its fingerprint
	tally tally
	found []finding        // violations, with the fewest faults first
	asks  map[string][]ask // ends at which a person is asked, by reason and hint
}

// draw says what a search tries if it does not try everything.
type draw struct {
	runs [3]int   // how many takes it draws, by their number of faults; 0 means all of them
	thin int      // it continues from one in so many takes with faults; 0 means from every one
	die  int      // a death follows one in so many moments; 0 means each
	only []string // text that a trace of one fault, two faults and so on must contain
}

// tally counts what a search has done.
type tally struct {
	runs, moments, scenes int
	byFaults              [8]int // takes, by their number of faults
	settled, asked        int
	hints, questions      int            // hints followed, and those among them that name no command
	reasons               map[string]int // why a person was asked, and how often
}

// finding is an invariant that did not hold, and the trace that leads there.
type finding struct {
	wrong string
	trace trace
}

// task is one take to run, and what came of it.
type task struct {
	scene            *scene
	fingerprint      uint64 // of the scene
	faults           []fault
	take             *take
	next             []*scene // the scenes it leads to: its end first, then the deaths that look new
	nextFingerprints []uint64 // of next
	deaths           int
	findings         []finding

	further bool // further faults are tried in addition to its own
}

// exploreScenes runs all tasks, those with fewer faults first, so that the
// first finding has the shortest trace. It stops after the batch with the
// first finding.
func (s *search) exploreScenes(t *testing.T) {
	s.seen, s.tried, s.tally.reasons = map[uint64]bool{}, map[uint64]bool{}, map[string]int{}
	s.leads, s.asks = map[uint64]lead{}, map[string][]ask{}
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

// traceText returns the trace that the take will have.
func (k *task) traceText() string { return k.scene.trace.with(step{faults: k.faults}).String() }

// limitRuns drops the tasks with n faults that the draw leaves out.
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

// drawRuns keeps a random sample of at most most tasks with n faults.
func (s *search) drawRuns(n, most int) {
	rng := rand.New(rand.NewPCG(*sampleSeed, uint64(n)))
	rng.Shuffle(len(s.queue[n]), func(i, j int) { s.queue[n][i], s.queue[n][j] = s.queue[n][j], s.queue[n][i] })
	s.queue[n] = s.queue[n][:min(len(s.queue[n]), most)]
}

// batchSize returns how many tasks are run before they are counted. It is
// small if a finding is expected soon.
func (s *search) batchSize() int {
	if s.mistake != nil {
		return 16
	}
	return 2000
}

// runBatch runs the tasks on two cores and counts them in their order, so
// that the same search always finds the same scenes.
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
	clear(batch) // otherwise the queue keeps every scene that it ever held
}

// planFaults plans a task for each fault that can follow the faults of k in
// the same take.
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
			if f := &fates[j]; f.canHappenAt(e) && (!f.mfa || s.mfa) && (!s.light || f.rank >= rank && k.combinesWith(f) && f.mattersAt(e, rank)) {
				faults := append(k.faults[:len(k.faults):len(k.faults)], fault{i + 1, f})
				s.queue[n+1] = append(s.queue[n+1], &task{scene: k.scene, faults: faults})
			}
		}
	}
}

// combinesWith reports whether f is worth a take after the faults of k. A
// call that fails permanently fails whatever else happens. What people do is
// tried with faults of other takes, and with deaths.
func (k *task) combinesWith(f *fate) bool {
	if f.kills {
		return k.hasTwo()
	}
	for _, first := range k.faults {
		disk := first.fate.disk != nil
		if f.act != nil || first.fate.act != nil || f.beside != nil || first.fate.beside != nil || f.lie != nil || first.fate.lie != nil || first.fate.command != nil || first.fate.lasts && disk == (f.disk != nil) {
			return false
		}
	}
	return true
}

// runTask runs the take of k, and builds the scenes that a death at each of
// its moments would leave.
func (k *task) runTask(t *testing.T, s *search) {
	k.take = s.runTake(t, k.scene, k.faults, s.mistake, k.further)
	for _, wrong := range k.take.violations {
		k.findings = append(k.findings, finding{wrong, k.take.trace})
	}
	k.next, k.nextFingerprints = append(k.next, k.take.scene), append(k.nextFingerprints, k.take.scene.fingerprint(s.light))
	if !k.further {
		return
	}
	for i, m := range k.take.moments {
		if i%max(s.draw.die, 1) != 0 {
			continue
		}
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
			w.memo = nil // it is large, and valid for this instant only
		}
	}
	k.take.moments = nil
}

// countTask adds a task to the tally, and plans the tasks that follow from
// it.
func (s *search) countTask(k *task) {
	s.tally.runs++
	s.tally.byFaults[min(k.scene.faults+len(k.faults), 7)]++
	s.tally.moments += k.deaths
	s.found = append(s.found, k.findings...)
	if len(k.faults) == 0 {
		s.leads[k.fingerprint] = lead{k.nextFingerprints[0], s.isDone(k.take), k.take.trace}
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

// isOver reports whether nothing remains to be done after a take, and counts
// why.
func (s *search) isOver(r *take) bool {
	switch {
	case s.hasEnded(r) && (lab.Settled(r.result) || r.hasRidden(alice)):
		s.tally.settled++
		return true
	case s.hasEnded(r):
		s.tally.reasons["skipped: "+r.result.Why]++
		return true
	}
	why, hint := "", ""
	for _, user := range users {
		x := r.resultOf(user)
		switch {
		case !r.has(user) || s.hasEndedFor(r, user):
		case r.err != nil || x == nil || !x.Until.IsZero():
			return false
		case x.State == decide.StateHeld:
			why = "held"
		case x.Do == decide.DoBlock:
			why, hint = withoutIDs(x.Why), x.Hint
			if x.Hint == "" {
				s.found = append(s.found, finding{"I4: a person is asked but not told what to run: " + x.Why, r.trace})
			}
		default:
			return false
		}
	}
	s.tally.asked++
	s.tally.reasons[why]++
	if hint != "" {
		s.noteAsk(r, why, hint)
	}
	return true
}

// hasEndedFor is hasEnded for the key of one user.
func (s *search) hasEndedFor(r *take, user int) bool {
	x := r.resultOf(user)
	if r.hasRidden(user) {
		return true
	}
	return r.err == nil && x != nil && (len(r.journalsOf(user)) == 0 || r.isForged(user)) && (lab.Settled(*x) || x.State == decide.StateSkipped)
}

// hasEnded reports whether no rotation is under way and nothing is due.
func (s *search) hasEnded(r *take) bool {
	for _, user := range users {
		if r.has(user) && !s.hasEndedFor(r, user) {
			return false
		}
	}
	return true
}

// withoutIDs replaces the ids and numbers in a reason.
func withoutIDs(why string) string {
	words := strings.Fields(why)
	for i, w := range words {
		if strings.HasPrefix(w, "AKIA") || strings.ContainsAny(w, "0123456789") {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}

// String returns the counts, and the reasons why a person was asked.
func (c tally) String() string {
	var text strings.Builder
	text.WriteString(fmt.Sprintf("%d scenes, %d takes (by faults %v), %d deaths, %d settled, %d asked a person, %d hints followed, %d of them questions", c.scenes, c.runs, c.byFaults, c.moments, c.settled, c.asked, c.hints, c.questions))
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

// planCommands plans the tasks in which a person runs a command in scene w.
func (s *search) planCommands(w *scene, key uint64) {
	if w.faults >= s.maxFaults {
		return
	}
	for i := range commands {
		if f := &commands[i]; f.link && !s.links {
			continue
		} else if !s.light || f.rank > inSingles || w.faults == 0 {
			s.queue[w.faults+1] = append(s.queue[w.faults+1], &task{scene: w, fingerprint: key, faults: []fault{{atStart, f}}})
		}
	}
}
