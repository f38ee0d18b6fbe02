package rotate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/settings"
)

// mistake is one of the classical mistakes of tools that rotate keys. A mistake
// is made on the wire or on the disk, by plant and forgets, or in the sources of
// this package, by edits.
type mistake struct {
	name    string
	plant   func(*take) // puts it into the daemon, the disk or the network; may be nil
	forgets string      // the folder that a crash empties; "" means none
	edits   []edit
	setting setting  // in which the mistake can be seen; most are harmless with an AWS that knows everything at once
	faults  int      // needed to see it, at most
	wants   string   // the invariant that the exploration must say is violated
	way     []string // leads there: for each number of faults, the only ones that are tried at first
}

// edit replaces a text that occurs exactly once in a source file, of this package or, by
// its relative path, of another one. MISTAKE in the new text becomes a condition that holds while the mistake is being made.
type edit struct{ file, old, new string }

var mistakes = []mistake{
	{
		name:  "the SDK repeats CreateAccessKey",
		plant: func(r *take) { r.d.HTTP = repeating{r} },
		wants: "I7", faults: 1, way: []string{"done+lost"},
	}, {
		name: "the file is written before the key is proven",
		edits: []edit{{"prove.go", `	if w.proof == nil {`, `	if MISTAKE {
		t.setProven(true, d.Now())
		return nil
	}
	if w.proof == nil {`}},
		wants: "I1", setting: setting{lag: quick}, faults: 1, way: []string{"keyd rotate"}, // the daemon waits until the key is five minutes old
	}, {
		name:    "there is no journal",
		forgets: rotations,
		wants:   "I5", faults: 1, way: []string{"killed"},
	}, {
		name: "the first list is believed",
		edits: []edit{
			{"reconcile.go", `early > 0 && t`, `!MISTAKE && early > 0 && t`},
			{"reconcile.go", `d.Now().Sub(s.since) >= equalDuration {`, `d.Now().Sub(s.since) >= equalDuration || MISTAKE {`},
		},
		wants: "I5", setting: setting{lag: slowList}, faults: 1, way: []string{"killed"},
	}, {
		name: "any unknown key is deleted",
		edits: []edit{
			{"orphan.go", `case len(left) == 1 && d.inCreateWindow(r, left[0]) && !unread:`, `case len(left) == 1 && d.inCreateWindow(r, left[0]) && !unread, MISTAKE:`},
			{"orphan.go", `unread || !d.inCreateWindow(r, left[0]) {`, `unread || !d.inCreateWindow(r, left[0]) && !MISTAKE {`},
			{"orphan.go", `		case !use.At.IsZero():`, `		case !use.At.IsZero() && !MISTAKE:`},
		},
		wants: "I3", faults: 2, way: []string{"killed", "second laptop"},
	}, {
		name: "the old key signs its own deactivation",
		edits: []edit{
			{"retire.go", `	r.DeactivateStarted = d.Now()`, `	if MISTAKE {
		var err error
		if client, err = d.newClient(t, r.Old); err != nil {
			return err
		}
	}
	r.DeactivateStarted = d.Now()`},
		},
		wants: "I6",
	}, {
		name:  "a file is renamed without a sync",
		plant: func(r *take) { r.skipsSync = true },
		wants: "I", faults: 1,
	}, {
		name: "the journal is erased too early",
		edits: []edit{{"validate.go", `who.ARN+", from the file")`, `who.ARN+", from the file")
	if MISTAKE {
		return d.closeRotation(t)
	}`}},
		wants: "I2",
	}, {
		name: "the lock is not taken",
		edits: []edit{{"rotator.go", `	lock, err := state.LockPass(`, `	if MISTAKE {
		return func() {}, nil
	}
	lock, err := state.LockPass(`}},
		wants: "I", faults: 1, way: []string{"keyd rotate in a step"},
	}, {
		name: "a round does not read the journal anew",
		edits: []edit{{"target.go", `	t.progress = p
`, `	t.progress = p
	if MISTAKE && p.rotation != nil && t.facts.Rotation != nil {
		t.facts.Rotation = p.rotation
	}
`}},
		wants: "hold", faults: 1, way: []string{"keyd hold meanwhile"},
	}, {
		name:  "a removed journal is not restored",
		edits: []edit{{"step.go", `if r == nil || d.readOnly || r.New`, `if r == nil || MISTAKE || d.readOnly || r.New`}},
		wants: "I5", faults: 1, way: []string{"journals removed"},
	}, {
		name: "what heals does not go first",
		edits: []edit{
			{"turn.go", `	heals := slices.ContainsFunc(turns`, `	heals := !MISTAKE && slices.ContainsFunc(turns`},
			{"turn.go", `heals != u.decision.Heals ||`, `heals != u.decision.Heals && !MISTAKE ||`},
		},
		setting: setting{twoUsers: true, before: true},
		wants:   "I12", faults: 1, way: []string{"stale copy"},
	}, {
		name: "a linked file that shows the old key again is not seen",
		edits: []edit{{"links.go", `			shows.LinksOld++`, `			if MISTAKE {
				continue
			}
			shows.LinksOld++`}},
		setting: setting{links: true, proofRounds: 2},
		wants:   "I1", faults: 1, way: []string{"link: old text restored"},
	}, {
		name: "the proof of one key counts for another",
		edits: []edit{{"turn.go", `		t.recall(p, d.Now())
`, `		t.recall(p, d.Now())
		for _, other := range s.known {
			if MISTAKE && other.provenID != "" && t.facts.Rotation != nil && t.facts.Rotation.New.ID != "" {
				t.facts.Proven = true
			}
		}
`}},
		setting: setting{twoUsers: true, before: true, lag: spreading},
		wants:   "I1", faults: 1, way: []string{"keyd rotate"},
	}, {
		name:    "a hook that has failed counts as run",
		edits:   []edit{{"hook.go", `	if outcome.Err == nil {`, `	if outcome.Err == nil || MISTAKE {`}},
		setting: setting{hook: true},
		wants:   "hook", faults: 1, way: []string{"hook fails"},
	}, {
		name:    "a session is not in the intent",
		edits:   []edit{{"create.go", `Session: t.session(), NeedsMFA`, `Session: map[bool]journal.Session{false: t.session()}[MISTAKE], NeedsMFA`}},
		setting: setting{mfa: true, proofRounds: 2},
		wants:   "mfa",
	}, {
		name: "nobody asks whose key it is where looks are denied",
		edits: []edit{
			{"guard.go", `if err := d.identifyOnce(ctx, client, t); err != nil {`, `if err := d.identifyOnce(ctx, client, t); err != nil && !MISTAKE {`},
			// The questions before a code and before a key is taken away would find it as well.
			{"mfa.go", `if _, err := d.askOwner(ctx, t, client); err != nil {`, `if _, err := d.askOwner(ctx, t, client); err != nil && !MISTAKE {`},
			{"owner.go", `if t.progress.hasOwner(client.KeyID()) {`, `if t.progress.hasOwner(client.KeyID()) || MISTAKE {`},
		},
		setting: setting{mfa: true, rides: true, overlap: 3 * settings.Day, proofRounds: 2},
		wants:   "lie", faults: 1, way: []string{"lies: other account"},
	},
}

// spreading is an IAM whose servers learn of one key much later than of another.
var spreading = awssim.Lag{Create: awssim.Range{Min: time.Second, Max: time.Minute}, Replicas: 2}

// repeating is an HTTP client that sends a request again when its answer is
// lost, as the SDK's standard retryer does.
type repeating struct{ *take }

func (c repeating) Do(q *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(q.Body)
	for range 2 {
		again := q.Clone(q.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		if resp, err := c.take.Do(again); err == nil {
			return resp, nil
		}
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	return c.take.Do(q)
}

// mistakeVariable names the mistake that a test program makes, if the program
// was built with all of them in its sources.
const mistakeVariable = "KEYD_MISTAKE"

// TestKnownMistakesAreSeen makes each mistake in turn, and the
// exploration must find it by itself. Otherwise its silence about keyd would
// prove nothing.
func TestKnownMistakesAreSeen(t *testing.T) {
	if making := os.Getenv(mistakeVariable); making != "" {
		i := slices.IndexFunc(mistakes, func(m mistake) bool { return m.name == making })
		mistakes[i].mustBeFound(t)
		return
	}
	t.Parallel()
	t.Run("in the world", func(t *testing.T) {
		for _, m := range mistakes {
			if len(m.edits) == 0 {
				t.Run(m.name, func(t *testing.T) {
					t.Parallel()
					m.mustBeFound(t)
				})
			}
		}
	})
	t.Run("in the sources", func(t *testing.T) {
		if !deeptest.On() {
			t.Skip("left out: it builds these tests again; KEYD_DEEP=1 go test ./daemon/rotate -run " + t.Name())
		}
		program := buildWithMistakes(t)
		for _, m := range mistakes {
			if len(m.edits) > 0 {
				t.Run(m.name, func(t *testing.T) {
					t.Parallel()
					m.mustBeFoundBy(t, program)
				})
			}
		}
	})
}

// mustBeFound fails t unless the exploration finds m in this process, and says
// that the right invariant is violated.
func (m *mistake) mustBeFound(t *testing.T) {
	x := search{setting: m.setting, maxFaults: m.faults, light: true, mistake: m, draw: draw{only: m.way}}
	x.exploreScenes(t)
	if len(x.found) == 0 && deeptest.On() { // another way may have become the only one
		x.draw.only = nil
		x.exploreScenes(t)
	}
	if len(x.found) == 0 {
		t.Fatalf("%s: not found in %d takes and %d deaths", m.name, x.tally.runs, x.tally.moments)
	}
	if first := x.found[0]; !strings.HasPrefix(first.wrong, m.wants) {
		t.Errorf("%s, want %s; trace: %s", first.wrong, m.wants, first.trace)
	} else {
		t.Logf("found in take %d: %s\n\ttrace: %s", x.tally.runs, first.wrong, first.trace)
	}
}

// mustBeFoundBy lets program, which has the mistakes in its sources, make m and
// find it.
func (m *mistake) mustBeFoundBy(t *testing.T, program string) {
	c := exec.CommandContext(t.Context(), program, "-test.run", "^TestKnownMistakesAreSeen$", "-test.v")
	c.Env = append(os.Environ(), mistakeVariable+"="+m.name)
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("found in take")) {
		t.Errorf("%s: the exploration did not find the mistake (%v)", m.name, err)
	}
}

// buildWithMistakes returns the path of a program that holds the tests of this
// package, built with every mistake in its sources. The sources themselves stay
// as they are.
func buildWithMistakes(t *testing.T) string {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the mistakes in the sources need the go command: ", err)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for name, text := range sourcesWithMistakes(t) {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		overlay.Replace[filepath.Join(here, name)] = path
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "mistakes.test.exe")
	c := exec.CommandContext(t.Context(), goCommand, "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return program
}

// sourcesWithMistakes returns the sources that some mistake edits, with all the
// edits, and one more file in each package that reads mistakeVariable.
func sourcesWithMistakes(t *testing.T) map[string]string {
	t.Helper()
	before, after := map[string]string{}, map[string]string{}
	all := map[string][]edit{}
	for _, m := range mistakes {
		all[m.name] = m.edits
	}
	for _, m := range lifeMistakes {
		all[m.name] = m.edits
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, e := range all[name] {
			if before[e.file] == "" {
				data, err := os.ReadFile(e.file)
				if err != nil {
					t.Skip("the sources are not here: ", err)
				}
				before[e.file] = strings.ReplaceAll(string(data), "\r\n", "\n")
				after[e.file] = before[e.file]
				folder := path.Dir(e.file)
				after[path.Join(folder, "mistake.go")] = fmt.Sprintf("package %s\n\nimport \"os\"\n\nfunc makes(mistake string) bool { return os.Getenv(%q) == mistake }\n",
					strings.Replace(path.Base(folder), ".", "rotate", 1), mistakeVariable)
			}
			if n := strings.Count(before[e.file], e.old); n != 1 {
				t.Fatalf("the mistake does not fit the code any more: %s: %s has %d times\n%s", name, e.file, n, e.old)
			}
			changed := strings.ReplaceAll(e.new, "MISTAKE", fmt.Sprintf("makes(%q)", name))
			if !strings.Contains(after[e.file], e.old) {
				t.Fatalf("another mistake has edited what %s edits in %s", name, e.file)
			}
			after[e.file] = strings.Replace(after[e.file], e.old, changed, 1)
		}
	}
	return after
}

// TestMistakesFitTheCode reports an edit whose text is no longer in the sources,
// also where no mistake is made.
func TestMistakesFitTheCode(t *testing.T) { sourcesWithMistakes(t) }
