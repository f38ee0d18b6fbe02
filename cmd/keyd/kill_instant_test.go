//go:build unix

package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/journal"
)

var (
	kills    = flag.Int("kills", 0, "number of processes that TestKills kills; 0: 6, or 60 in deep tests")
	killSeed = flag.Uint64("kill-seed", 0, "seed of the instants of TestKills and TestKillsMoto; 0: 1, or a new one each time in deep tests")
)

// TestKills kills keyd with SIGKILL at random instants, again and again in the same
// home and with the same AWS. Each process continues from what the last one left
// behind. Three in four are keyd rotate --force --delete-now, so that a whole
// rotation, from the first look to the deletion, happens again and again; the others
// are keyd run, with an overlap and a quarantine. They run in simulated time, see
// keydHurried: no kill is wasted on a wait.
//
// At all times, and after every kill, the file is the old or the new one to the byte
// and has its mode; every endpoint accepts its pair; keyd's temporary files are
// readable by no one who may not read the files they replace; and the file or the
// journal holds every key at AWS, except for one key whose creation the journal
// announces. A process that exits before its kill must succeed, and leave one key, no
// journal and no temporary file, unless it waits for what is known of such a key. So must
// the last ones, which are not killed.
//
// The seed decides how each instant is chosen, not what it hits, which also depends on
// the scheduler.
func TestKills(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	aws, pairs := simulatedAWS(t, k.clock.now, awssim.RealLag(), k.seed)
	k.measureRuns(aws, pairs)
	enough := *kills
	switch {
	case enough > 0:
	case deeptest.On():
		enough = 60
	default:
		enough = 4
	}
	k.killUntil(func() bool { return k.tally.killed >= enough })
	if *kills == 0 {
		t.Log("left out: thousands of kills take minutes; go test ./cmd/keyd -run 'TestKills$' -kills 2000 -v")
	}
	k.judgeAll()
}

// killing is one home and one AWS for many processes that are killed.
type killing struct {
	t      *testing.T
	seed   uint64
	rand   *rand.Rand
	clock  *killClock
	keyd   string           // the program to run
	now    func() time.Time // AWS's clock
	start  func() time.Time // the time at which the clock of a hurried process starts
	home   *killHome
	server *killServer
	victim atomic.Pointer[victim]
	paces  map[string]pace // by command
	tally  killTally
	began  time.Time
}

// killTally counts the processes and kills, for the log.
type killTally struct {
	processes, killed int
	how, phase, left  map[string]int
}

func newKilling(t *testing.T) *killing {
	seed := *killSeed
	if seed == 0 {
		seed = 1
		if deeptest.On() {
			seed = rand.Uint64()
		}
	}
	t.Logf("-kill-seed %d", seed)
	clock := newKillClock()
	return &killing{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), paces: map[string]pace{}, began: time.Now(),
		keyd: "keyd-hurried", clock: clock, now: clock.now, start: clock.now,
		tally: killTally{how: map[string]int{}, phase: map[string]int{}, left: map[string]int{}},
	}
}

// measureRuns creates the home, and measures whole runs in it without a kill.
func (k *killing) measureRuns(aws killAWS, pairs [2][2]string) {
	k.home = newKillHome(k.t, pairs, k.now)
	k.server = newKillServer(k.t, aws, k.clock, func(action string, served bool) {
		if v := k.victim.Load(); v != nil {
			v.noteCall(action, served)
		}
	})
	watchSwaps(k.t, k.home.path(), func() {
		if v := k.victim.Load(); v != nil {
			v.noteSwap()
		}
	})
	for range 2 {
		v := k.runOne("rotate", death{})
		k.paces["rotate"] = k.paces["rotate"].slower(v.pace)
	}
	k.paces["run"] = k.paces["rotate"] // a run takes longer: it also waits, and looks again
}

func (p pace) slower(q pace) pace {
	return pace{whole: max(p.whole, q.whole), swap: max(p.swap, q.swap), calls: max(p.calls, q.calls)}
}

// killUntil kills processes until enough returns true.
func (k *killing) killUntil(enough func() bool) {
	for !enough() && !k.t.Failed() {
		command := "rotate"
		if k.rand.IntN(4) == 0 {
			command = "run"
		}
		k.runOne(command, k.paces[command].chooseDeath(k.rand))
	}
}

// runOne runs one process until its death, and checks what it left behind.
func (k *killing) runOne(command string, d death) *victim {
	k.t.Helper()
	args := []string{"rotate", "default", "--force", "--delete-now", "--yes"}
	if command == "run" {
		args = []string{"run"}
		if len(k.home.openRotations()) == 0 {
			k.clock.advanceTo(k.clock.now().Add(70 * day)) // the key is due
		}
	}
	cmd := exec.Command(k.keyd, args...)
	cmd.Env = append(k.home.environment(k.server.URL), "KEYD_CLOCK="+k.start().Format(time.RFC3339Nano))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	k.home.startWatching()
	v := startVictim(k.t, cmd, d, &k.victim)
	if command == "run" { // it never exits by itself
		go v.killIn(2 * k.paces[command].whole)
	}
	killed, err := v.wait()
	k.victim.Store(nil)
	k.server.awaitRequests(k.t)
	k.checkPromises(k.home.stopWatching(), killed, err)
	k.demandNoSecret(said.Bytes(), killed)
	k.tally.count(d, killed)
	if k.t.Failed() {
		k.t.Fatalf("process %d, keyd %s, %s (-kill-seed %d): %v\n%s", k.tally.processes, command, d, k.seed, err, said.Bytes())
	}
	return v
}

func (s *killTally) count(d death, killed bool) {
	s.processes++
	if killed {
		s.killed++
		s.how[d.how]++
	}
}

// checkPromises checks what a process left behind against the promises.
func (k *killing) checkPromises(seen sighting, killed bool, err error) {
	k.t.Helper()
	for _, wrong := range seen.wrong {
		k.t.Errorf("the file: %s", wrong)
	}
	shown := seen.lastPair()
	if !k.server.aws.usable(shown.ID, shown.Secret) {
		k.t.Errorf("AWS refuses %s, which the file shows", shown.ID)
	}
	left, keys := k.home.temporaryFiles(), k.server.aws.keys()
	var r *journal.Rotation
	if open := k.home.openRotations(); len(open) > 0 {
		r = open[0]
	}
	k.demandKnownKeys(keys, shown.ID, r)
	if killed {
		k.tally.phase[rotationPhase(keys, shown.ID, r)]++
		for _, name := range left {
			k.tally.left[replacedFile(name)]++
		}
		return
	}
	if r != nil && r.New.ID == "" && len(left) == 0 && keys[shown.ID] == "Active" {
		k.clock.advanceTo(k.clock.now().Add(orphanWait)) // a key may have been created, and its secret is lost
		return
	}
	if err != nil || r != nil || len(left) > 0 || len(keys) != 1 || keys[shown.ID] != "Active" {
		k.t.Errorf("the process was not killed and should have left one key: %v, journal %v, temporary files %v, keys %v, the file shows %s",
			err, r != nil, left, keys, shown.ID)
	}
}

// orphanWait is longer than each of the two waits for a key whose secret is lost: for
// AWS's record of its uses, and for its quarantine.
const orphanWait = 8 * day

// replacedFile returns which file a leftover was to replace.
func replacedFile(name string) string {
	of, _, _ := strings.Cut(name, ".keyd-")
	if strings.Contains(of, "/.AKIA") {
		return "state/rotations/ journal"
	}
	return of
}

// demandKnownKeys demands that the file or the journal holds every key at AWS. One key may be
// unknown while the journal says that CreateAccessKey is under way.
func (k *killing) demandKnownKeys(keys map[string]string, shown string, r *journal.Rotation) {
	k.t.Helper()
	var unknown []string
	for id := range keys {
		if id != shown && (r == nil || id != r.Old.ID && id != r.New.ID && id != r.OrphanID) {
			unknown = append(unknown, id)
		}
	}
	if announced := r != nil && r.New.ID == ""; len(unknown) > 1 || len(unknown) == 1 && !announced {
		k.t.Errorf("neither the file nor the journal holds %v", unknown)
	}
}

// rotationPhase says where a rotation stood, according to the journal, the file and AWS.
func rotationPhase(keys map[string]string, shown string, r *journal.Rotation) string {
	switch {
	case r == nil:
		return "0 no journal: before the intent, or after the end"
	case r.OrphanID != "":
		return "1c retiring a key whose secret is lost"
	case r.New.ID == "" && len(keys) > 1:
		return "1b a key was created, and its secret is lost"
	case r.New.ID == "":
		return "1a intent, no key was created"
	case shown == r.Old.ID && r.Old.Secret.IsZero():
		return "2 the pair is kept, proving"
	case shown == r.Old.ID:
		return "3a swap has begun, the file shows old"
	case r.Validated.IsZero() && r.Swapped.IsZero():
		return "3b the file shows new, the journal does not know"
	case r.Validated.IsZero():
		return "4 validating"
	case r.DeactivateStarted.IsZero():
		return "5 overlap"
	case r.Deactivated.IsZero():
		return "6 deactivating"
	case keys[r.Old.ID] != "":
		return "7 quarantine"
	}
	return "8 old is deleted, journal not yet erased"
}

// judgeAll runs the last process, which is not killed, and checks all of them together.
func (k *killing) judgeAll() {
	for range 4 { // the first ones may find a key whose secret is lost, and wait for two times
		k.runOne("rotate", death{})
		if len(k.home.openRotations()) == 0 {
			break
		}
	}
	if open := k.home.openRotations(); len(open) > 0 {
		k.t.Errorf("the rotation of %s does not end", open[0].Old)
	}
	seen := k.home.sighting
	k.server.aws.judge(seen.held)
	if k.t.Failed() {
		return
	}
	k.t.Logf("%d kills of %d processes in %s; the file was read %d times and showed %d pairs, each whole and never refused",
		k.tally.killed, k.tally.processes, time.Since(k.began).Round(time.Millisecond), seen.reads, len(seen.held))
	k.t.Logf("a whole run takes up to %s and %d calls, its swap %s", k.paces["rotate"].whole, k.paces["rotate"].calls, k.paces["rotate"].swap)
	for _, table := range []map[string]int{k.tally.how, k.tally.phase, k.tally.left} {
		var lines strings.Builder
		for _, name := range slices.Sorted(maps.Keys(table)) {
			fmt.Fprintf(&lines, "\n%6d  %s", table[name], name)
		}
		k.t.Log(lines.String())
	}
}
