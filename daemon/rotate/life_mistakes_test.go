package rotate_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// lifeMistake is a mistake in the sources that a life shows. Each one is what keyd, or a
// tool like it, did before.
type lifeMistake struct {
	name  string
	edits []edit
	wants string   // begins or stands in what the lives say of it, so that no other fault counts
	with  []string // the conditions in which it can be seen; the others come by chance
}

var lifeMistakes = []lifeMistake{
	{
		name:  "the calendar decides and not the use",
		wants: "I11",
		edits: []edit{{"../decide/retire.go", `	if r.UsedByOthers() {
		quiet`, `	if r.UsedByOthers() && !MISTAKE {
		quiet`}},
		with: []string{"other uses"},
	}, {
		name:  "waiting states are not looked at",
		wants: "is dead for",
		edits: []edit{{"../decide/retire.go", `	if f.Watched || now.Sub(last)`, `	if MISTAKE || f.Watched || now.Sub(last)`}},
		with:  []string{"console"},
	}, {
		name:  "memory does not say who was asked",
		wants: "nothing to rotate",
		edits: []edit{{"endpoints.go", `	case custom != "":
		return custom
	case t`, `	case MISTAKE:
		return ""
	case custom != "":
		return custom
	case t`}},
		with: []string{"local stand-in"},
	}, {
		name:  "a denied call is repeated at the same hour",
		wants: "I4",
		edits: []edit{
			{"../decide/denial.go", `	drawn := deniedMinGap`, `	if MISTAKE {
		return t.At.Add(settings.Day)
	}
	drawn := deniedMinGap`},
			{"../decide/retry.go", `t.Denied && t.mayRetryAwake(now)`, `t.Denied && !MISTAKE && t.mayRetryAwake(now)`},
		},
		with: []string{"timetable"},
	}, {
		name:  "one silent endpoint holds up all keys",
		wants: "does not need",
		edits: []edit{
			{"explain.go", `	case isOffline(err) && d.anyAnswers`, `	case !MISTAKE && isOffline(err) && d.anyAnswers`},
			{"outcome.go", `	if t.progress.evidence.hasAnswer() {`, `	if !MISTAKE && t.progress.evidence.hasAnswer() {`},
		},
		with: []string{"silent endpoint", "more keys"},
	}, {
		name:  "a blocked key is asked about on every wake",
		wants: "I13",
		edits: []edit{{"../decide/next.go", `	return f.Seen != nil && !f.Options.Manual &&`, `	return !MISTAKE && f.Seen != nil && !f.Options.Manual &&`}},
		with:  []string{"second laptop"},
	}, {
		name:  "an orphan is judged at once",
		wants: "taken for an orphan",
		edits: []edit{
			{"orphan.go", `ripe.After(r.Reconciled) && ripe.After(r.JudgeAt) {`, `!MISTAKE && ripe.After(r.Reconciled) && ripe.After(r.JudgeAt) {`},
			{"../decide/lost.go", `now.Before(ripe) {`, `!MISTAKE && now.Before(ripe) {`},
		},
		with: []string{"lost answers"},
	}, {
		name:  "prune is suggested for another machine's new key",
		wants: "is told to prune",
		edits: []edit{{"../decide/second.go", `	if other.Active && MayBeAnothers(f, other, now) {`, `	if other.Active && MayBeAnothers(f, other, now) && !MISTAKE {`}},
		with:  []string{"second laptop"},
	}, {
		name:  "the daemon does not wait five minutes",
		wants: "some service refuses",
		edits: []edit{{"../decide/phases.go", `	young := now.Before(`, `	young := !MISTAKE && now.Before(`}},
	}, {
		name:  "rotate = never is ignored in mid-rotation",
		wants: "rotate = never: ",
		edits: []edit{{"../decide/phases.go", `	case ExcludedBy(f, s) != "":
		return orWaitForRetry(f, s, now, decideExcluded`, `	case ExcludedBy(f, s) != "" && !MISTAKE:
		return orWaitForRetry(f, s, now, decideExcluded`}},
		with: []string{"rotate = never"},
	}, {
		name:  "the owner that an endpoint names is believed",
		wants: "keys at mock.example.com",
		edits: []edit{{"owner.go", `	if r := t.facts.Rotation; r != nil && r.Account != "" &&`, `	if MISTAKE {
		return nil
	}
	if r := t.facts.Rotation; r != nil && r.Account != "" &&`}},
		with: []string{"lying endpoint"},
	}, {
		name:  "the ids of deleted keys are forgotten",
		wants: "keyd has deleted",
		edits: []edit{
			{"look.go", `		return deleted && now.Sub(at)`, `		return !MISTAKE && deleted && now.Sub(at)`},
			{"seen.go", `return deleted[k.ID].After(seen.At) }`, `return !MISTAKE && deleted[k.ID].After(seen.At) }`},
		},
		with: []string{"lost answers"},
	}, {
		name:  "the server's clock is taken for known",
		wants: "made itself and nobody has",
		edits: []edit{{"../journal/rotation.go", `func (r *Rotation) ClockUncertainty() time.Duration {`, `func (r *Rotation) ClockUncertainty() time.Duration {
	if MISTAKE {
		return 0
	}
`}},
		with: []string{"lost answers", "slow answers"},
	}, {
		name:  "the use is read at fixed hours although it is denied",
		wants: "I11",
		edits: []edit{{"../decide/use.go", `	if denied {
		return last`, `	if denied && !MISTAKE {
		return last`}, {"../journal/rotation.go", `	if denied { // what`, `	if denied && !MISTAKE { // what`}},
		with: []string{"other uses", "timetable"},
	},
}

// notFoundByLives says which mistakes the lives do not show, why, and which tests do.
var notFoundByLives = map[string]string{
	"waiting states are not looked at":           "the use of the old key is read with the new one four times a day, which notices a dead key as well: TestDeadNewKeyIsNoticed",
	"a denied call is repeated at the same hour": "the person of a life follows the hint within two days and rotates on the VPN: TestDenialOffTheNetworkOfACompany",
	"the ids of deleted keys are forgotten":      "the lists of a life lag for three seconds, less than it takes until a person is told: TestDeletedOrphanCallsNobody, TestDeletedKeyInMemoryCallsNobody",
}

// TestLifeMistakesAreFound puts each mistake back, and the lives must show it by
// themselves. Otherwise their silence about keyd would prove little.
func TestLifeMistakesAreFound(t *testing.T) {
	const lives = 12
	if making := os.Getenv(mistakeVariable); making != "" {
		m := lifeMistakes[slices.IndexFunc(lifeMistakes, func(m lifeMistake) bool { return m.name == making })]
		found, first := 0, ""
		for seed := range uint64(lives) {
			if w := liveOne(t, 1000+seed, m.with...); slices.ContainsFunc(w.judged.found, func(text string) bool { return strings.Contains(text, m.wants) }) {
				if found++; first == "" {
					first = w.judged.found[0]
				}
			}
		}
		t.Logf("found in %d of %d lives; first: %s", found, lives, first)
		return
	}
	if !*lifeMistakesToo {
		t.Skip("left out: it takes minutes; go test ./daemon/rotate -life.mistakes -timeout 30m -run " + t.Name())
	}
	t.Parallel()
	program := buildWithMistakes(t)
	for _, m := range lifeMistakes {
		t.Run(m.name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), program, "-test.run", "^TestLifeMistakesAreFound$", "-test.v", "-test.timeout", "2m")
			c.Env = append(os.Environ(), mistakeVariable+"="+m.name)
			out, err := c.CombinedOutput()
			t.Logf("%s", out)
			elsewhere := notFoundByLives[m.name]
			if found := err == nil && strings.Contains(string(out), "found in ") && !strings.Contains(string(out), "found in 0 of"); !found && elsewhere == "" {
				t.Errorf("%s: no life shows it (%v)", m.name, err)
			} else if found && elsewhere != "" {
				t.Errorf("the lives show it now: take it out of notFoundByLives")
			}
		})
	}
}
