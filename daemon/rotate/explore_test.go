package rotate_test

import (
	"flag"
	"runtime/debug"
	"testing"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
)

var (
	mostFaults = flag.Int("explore.faults", 0, "how many faults TestExplore combines; 0: as many as are quick in each setting")
	everyFate  = flag.Bool("explore.every", false, "let TestExplore try every fate at every effect, not one that stands for others")
	samples    = flag.Int("explore.samples", 20000, "how many runs of three faults or more TestExplore draws from all")
	sampleSeed = flag.Uint64("explore.seed", 1, "of that draw")
	onlyWith   = flag.String("explore.with", "", "let TestExplore combine only faults of which one is named like this")
	progress   = flag.Bool("explore.progress", false, "say on stderr how TestExplore gets on")
	replay     = flag.String("explore.replay", "", "a trace that TestExplore repeats, and nothing else")
)

// explorations are where the exploration begins, and how many faults it combines in
// deep tests. go test by itself tries every single fault in the first setting,
// and draws from its pairs and from the single faults of the others. What a fault does to a rotation follows from the state in which it
// happens, and hardly from the lag: pairs are tried where runs are quickest.
var explorations = []setting{
	{name: "at once", faults: 2, proofRounds: 2, draw: draw{runs: [3]int{2: 150}, thin: 20}},
	{name: "two files", twoFiles: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "replicas that lag", lag: quick, faults: 1, draw: fewSingles},
	{name: "a list that lags", lag: slowList, faults: 1, draw: fewSingles},
	{name: "no exchange of names", noExchange: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "in place", inPlace: true, twoFiles: true, faults: 1, proofRounds: 2, draw: fewSingles},
}

var fewSingles = draw{runs: [3]int{1: 60}}

// TestExplore does what can be done to a rotation: see search. A failure prints
// the shortest trace that leads to it, and the line that repeats it.
func TestExplore(t *testing.T) {
	t.Parallel() // with the other long ones, after those that use one core
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, s := range explorations {
		t.Run(s.name, func(t *testing.T) {
			x := search{setting: s, maxFaults: s.faults, light: !*everyFate}
			switch {
			case *replay != "":
				x.repeatTrace(t, *replay)
				return
			case *mostFaults > 0:
				x.maxFaults = *mostFaults
			case costly:
				x.maxFaults = 1
			}
			if !deeptest.Tests && !*everyFate && *mostFaults == 0 {
				x.draw = s.draw
			}
			x.exploreScenes(t)
			x.findDeadEnds(func(path trace) bool { return x.reachesEnd(t, path) })
			t.Log(x.tally)
			for _, f := range x.found[:min(len(x.found), 5)] {
				t.Errorf("%s\n\ttrace: %s\n\tgo test ./daemon -run '%s' -explore.replay '%s'", f.wrong, f.trace, t.Name(), f.trace)
			}
			if len(x.found) == 0 && x.tally.runs < 100 {
				t.Errorf("only %d runs: the effects are not counted", x.tally.runs)
			}
		})
	}
}

// TestProofFindsTheSlowReplica goes through many AWSs in which one machine in
// fifty learns of a key 10 to 30 seconds late: a streak of five alone misses it
// in one rotation of a hundred.
func TestProofFindsTheSlowReplica(t *testing.T) {
	t.Parallel()
	late := 0
	for seed := range uint64(150) {
		s := setting{lag: awssim.RealLag(), seed: seed + 1}
		if r := s.runTake(t, s.firstScene(), nil, nil, false); len(r.violations) > 0 {
			late++
			t.Logf("seed %d: %s", seed+1, r.violations[0])
		} else if r.result.State != decide.StateOverlap {
			t.Errorf("seed %d: %s %s", seed+1, r.result.State, r.result.Why)
		}
	}
	if late > 0 {
		t.Errorf("%d of 150 rotations put a key into the file that some machine did not know", late)
	}
}
