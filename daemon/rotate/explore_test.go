// The explore tests do to a rotation everything that can happen to one, and check
// after every effect that keyd keeps its promises.
//
// Words:
//
//   - A scene is everything that outlives a process: the disk, AWS and the time.
//   - An effect is one call to AWS or to the disk.
//   - A take is one process, a pass of the daemon or a command, run over a copy of a
//     scene. It ends in a new scene.
//   - A fate is something that can happen at an effect: AWS refuses, the answer is
//     lost, the disk is full, another person changes the file, an endpoint lies from
//     then on. A fault is a fate at one particular effect of a take.
//   - A gap is the effect between two rounds of a pass, while the lock is free: a
//     person can run a whole command in another process then, or a tool can remove a
//     journal. Two passes can also take turns, and one of them can be killed.
//   - The place of a hook is what a hook updates. keyd cannot ask it which pair it holds.
//   - A moment is the instant after an effect that changed something. The process
//     can be killed at any moment, and the power can fail.
//   - A mark stands for the state of a scene and the place in the code at which an
//     effect happens. Effects with one mark have the same future.
//   - A fingerprint stands for a scene. Scenes with one fingerprint differ in
//     nothing that a take can see.
//   - A trace says how a scene came about: for each take, its faults and its end.
//   - A ghost is what the invariants remember about a scene. keyd does not see it.
//
// How it works: the search starts with one scene, in which a key is due, and runs a
// take over it. Then it runs the take again for each effect and each fate that can
// happen there, and builds the scenes that a death at each moment would leave. It
// does the same with every new scene, up to so many faults in one trace. Takes run
// in memory and on fake time, so each needs milliseconds.
//
// In some settings the credentials file shows the keys of two users, which are both due.
// Their steps are performed one by one, in the order of the file: bob's key comes first
// in one setting. The invariants hold for the keys of each user.
//
// In two settings two linked files show alice's key as well. They are places like those in
// the AWS files, and a person moves away, puts back, edits, cuts and overwrites one of them.
//
// In one setting the IAM is none of AWS's: the ids of keys have another shape, and what it
// does not know is found by asking.
//
// What it leaves out: scenes whose fingerprint was seen before, faults at effects
// whose mark was tried before, and, without -explore.every, the fates for which
// another one stands in (see rank). Without KEYD_DEEP=1 it also draws a sample of
// the takes with faults (see draw).
//
// The invariants, by the numbers in the messages:
//
//   - I1: AWS accepts the pair in each file wherever it accepted the old pair.
//   - I2: a closed rotation leaves one key of ours, which is the one in the files.
//   - I3: keyd touches no key that it neither created nor was told to replace.
//   - I4: from every scene, without further faults, the rotation ends or asks a
//     person, and says what to run.
//   - I5: there is no active key of ours whose secret is nowhere.
//   - I6: the old key signs nothing after the swap, unless a person holds a rotation
//     whose new key AWS refuses.
//   - I7: each CreateAccessKey has an intent of its own, which survives a power
//     failure.
//   - I8: no secret is in a log, or in a file other than the user's and the journal.
//   - I9: every byte that is not a rotated value stays as it was.
//   - I11: keyd does not deactivate an old key of which AWS has told it that somebody
//     used it within the overlap, unless it was asked to.
//   - I12: what heals goes first and alone, and waits for no other key.
//   - I13: a take that only waits costs a target at most eight calls.
//   - lie: after an endpoint has contradicted the partition, and while a journal belongs
//     to another user of the machine, nothing is retired. No file ever shows the pair of
//     somebody else, unless a person has put it there (I3).
//   - hook: no key is retired while the place of a required hook holds it and the files show
//     another one, and after a rotation the place holds the pair in the file.
//   - mfa: see explore_mfa_test.go.
//   - chain: each line of the history fits those above it, and each hash that AWS was given
//     is one of a line above.
//   - hold: what a person says in the middle of a pass counts from the next round on.
//   - Where a person is asked although nobody has run a command, waiting would not have
//     helped, and the command of keyd that the hint names does (I4).
//   - The overlap and the quarantine last as long as the settings say.
//
// To see the counts, and to go deeper, with more faults or more fates:
//
//	go test ./daemon/rotate -run TestExplore -v
//	KEYD_DEEP=1 go test ./daemon/rotate -run TestExplore -v
//	go test ./daemon/rotate -run TestExplore/at_once -explore.every -explore.faults 2 -timeout 3h
//
// A failure prints the shortest trace that leads to it, and the command that
// repeats that trace and lists its effects, such as:
//
//	go test ./daemon/rotate -run TestExplore/at_once -v -explore.replay '59 killed; 26 second laptop'

package rotate_test

import (
	"flag"
	"runtime/debug"
	"slices"
	"testing"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
)

var (
	mostFaults = flag.Int("explore.faults", 0, "how many faults TestExplore combines; 0 means as many as each setting says")
	everyFate  = flag.Bool("explore.every", false, "let TestExplore try every fate at every effect, not only those that stand for others")
	everyth    = flag.Int("explore.retire", 0, "let TestExploreRetirement try every nth death and fault; 0 means as many as it tries by itself")
	samples    = flag.Int("explore.samples", 20000, "how many takes TestExplore draws from those with three faults, and with more")
	sampleSeed = flag.Uint64("explore.seed", 1, "seed of that draw")
	onlyWith   = flag.String("explore.with", "", "let TestExplore combine faults only if this text is in their trace")
	progress   = flag.Bool("explore.progress", false, "print the progress of TestExplore on stderr")
	replay     = flag.String("explore.replay", "", "the only trace for TestExplore to follow")
)

// explorations are the settings that TestExplore begins with. Deep tests
// combine as many faults as a setting says. Other tests draw from the single
// faults of each setting, mostly of the first, and from its pairs. What a fault does to a rotation follows from
// the state in which it happens, and hardly from the lag, so pairs are tried
// where takes are quickest.
var explorations = []setting{
	{name: "at once", faults: 2, proofRounds: 2, draw: draw{runs: [3]int{1: 30, 2: 6}, thin: 20, die: 2}},
	{name: "two files", twoFiles: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "replicas that lag", lag: quick, faults: 1, draw: fewSingles},
	{name: "a list that lags", lag: slowList, faults: 1, draw: fewSingles},
	{name: "no exchange of names", noExchange: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "two users", twoUsers: true, before: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "two users, bob first", twoUsers: true, bobFirst: true, before: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "two users, one alone", twoUsers: true, alwaysDrawn: true, faults: 1, proofRounds: 2, draw: draw{runs: [3]int{1: 8}, die: 4}},
	{name: "a hook", hook: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "linked files", links: true, faults: 1, proofRounds: 2, draw: fewSingles},
	{name: "linked files and a hook", links: true, hook: true, faults: 1, proofRounds: 2, draw: draw{runs: [3]int{1: 5}, die: 2}},
	{name: "another IAM", dialect: awssim.Ceph, faults: 1, proofRounds: 2, draw: draw{runs: [3]int{1: 5}, die: 2}},
	{name: "in place", inPlace: true, twoFiles: true, faults: 1, proofRounds: 2, draw: fewSingles},
}

// deepPairs draws from the pairs of faults in deep tests. All of them take half an hour:
// -explore.faults 2.
var deepPairs = draw{runs: [3]int{2: 1500}, thin: 10}

// fewSingles draws from the takes with one fault, and from the moments of death.
var fewSingles = draw{runs: [3]int{1: 6}, die: 6}

// TestExplore finds no way to break an invariant: see the top of this file.
func TestExplore(t *testing.T) {
	t.Parallel() // runs with the other long tests, after those that use one core
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, s := range slices.Concat(explorations, mfaExplorations) {
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
			if (!deeptest.On() || s.alwaysDrawn) && !*everyFate && *mostFaults == 0 {
				x.draw = s.draw
				if deeptest.On() {
					x.draw.die = 0
				}
			} else if s.faults > 1 && !*everyFate && *mostFaults == 0 {
				x.draw = deepPairs
			}
			x.exploreScenes(t)
			x.findDeadEnds(func(path trace) bool { return x.reachesEnd(t, path) })
			x.checkAsks(t)
			t.Log(x.tally)
			for _, f := range x.found[:min(len(x.found), 5)] {
				t.Errorf("%s\n\ttrace: %s\n\tgo test ./daemon/rotate -run '%s' -v -explore.replay '%s'", f.wrong, f.trace, t.Name(), f.trace)
			}
			if len(x.found) == 0 && x.tally.runs < 10 {
				t.Errorf("only %d takes were run: the effects are not counted", x.tally.runs)
			}
		})
	}
}

// TestProofFindsTheSlowReplica rotates with many AWSs in which one server in
// fifty learns of a key 10 to 30 seconds late. A streak of five successes
// alone would miss that server in one rotation of a hundred.
func TestProofFindsTheSlowReplica(t *testing.T) {
	t.Parallel()
	late, rotations := 0, uint64(150)
	if !deeptest.On() {
		rotations = 10
	}
	for seed := range rotations {
		s := setting{lag: awssim.RealLag(), seed: seed + 1}
		hurried := []fault{{atStart, &commands[0]}} // a person at keyd rotate does not wait until the key is five minutes old
		if r := s.runTake(t, s.firstScene(), hurried, nil, false); len(r.violations) > 0 {
			late++
			t.Logf("seed %d: %s", seed+1, r.violations[0])
		} else if r.result.State != decide.StateOverlap {
			t.Errorf("seed %d: %s %s", seed+1, r.result.State, r.result.Why)
		}
	}
	if late > 0 {
		t.Errorf("%d of %d rotations put a key into the file that some server did not know", late, rotations)
	}
}
