package daemon

import (
	"flag"
	"runtime/debug"
	"testing"

	"keyd/daemon/awssim"
)

var mostFaults = flag.Int("explore.faults", 1, "how many faults TestExplore combines")

var progress = flag.Bool("explore.progress", false, "say on stderr how TestExplore gets on")

func TestExplore(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, s := range []setting{{name: "at once", lag: awssim.Lag{}}} {
		t.Run(s.name, func(t *testing.T) {
			x := search{setting: s, most: *mostFaults, light: true}
			x.explore(t)
			t.Log(x.tally)
			for _, f := range x.found[:min(len(x.found), 12)] {
				t.Errorf("%s\n\ttrace: %s", f.wrong, f.trace)
			}
		})
	}
}
