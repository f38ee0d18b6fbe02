package rotate_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"keyd/credfile/deeptest"
	"keyd/daemon/rotate"
)

// flaws are the classical mistakes of tools that rotate keys, with what the
// exploration must say of each. Where a setting matters it is the one in which
// the mistake can be seen at all: with an AWS that knows everything at once,
// many of them are none.
var flaws = []struct {
	bug
	setting setting
	faults  int // that it takes to see it, at most
	wants   string
	way     []string // to it, by the number of faults: all that is tried unless the tests are deep
}{
	{bug{name: "the SDK repeats CreateAccessKey", put: func(r *take) { r.d.HTTP = repeating{r} }}, setting{}, 1, "I7", []string{"done+lost"}},
	{bug{name: "the file is written before the key is proven", put: flawed(rotate.SwapUnproven)}, setting{lag: quick}, 0, "I1", nil},
	{bug{name: "there is no journal", put: func(*take) {}, forget: rotations}, setting{}, 1, "I5", []string{"killed"}},
	{bug{name: "the first list is believed", put: flawed(rotate.TrustFirstList)}, setting{lag: slowList}, 1, "I5", []string{"killed"}},
	{bug{name: "any unknown key is deleted", put: flawed(rotate.DropAnyUnknown)}, setting{}, 2, "I3", []string{"killed", "second laptop"}},
	{bug{name: "the old key signs its own deactivation", put: flawed(rotate.OldDeactivates)}, setting{}, 0, "I6", nil},
	{bug{name: "a file is renamed without a sync", put: func(r *take) { r.lazy = true }}, setting{}, 1, "I", nil},
	{bug{name: "the journal is erased too early", put: flawed(rotate.EraseEarly)}, setting{}, 0, "I2", nil},
}

func flawed(f rotate.Flaw) func(*take) { return func(r *take) { r.d.Flaw = f } }

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

// TestKnownMistakesAreSeen puts each mistake into keyd and lets the exploration
// find it by itself: an exploration that is silent then would prove nothing.
func TestKnownMistakesAreSeen(t *testing.T) {
	t.Parallel()
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			x := search{setting: f.setting, most: f.faults, light: true, bug: &f.bug}
			if !deeptest.Tests {
				x.draw.only = f.way
			}
			x.explore(t)
			if len(x.found) == 0 {
				t.Fatalf("%s: not seen in %d runs and %d deaths", f.name, x.tally.runs, x.tally.moments)
			}
			if first := x.found[0]; !strings.HasPrefix(first.wrong, f.wants) {
				t.Errorf("%s, want %s; trace: %s", first.wrong, f.wants, first.trace)
			} else {
				t.Logf("seen in run %d: %s\n\ttrace: %s", x.tally.runs, first.wrong, first.trace)
			}
		})
	}
}
