//go:build unix

package main

import (
	"flag"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

var killsSlow = flag.Int("kills-slow", 0, "number of processes that TestKillsByTheWallClock kills")

// TestKillsByTheWallClock is TestKills with keyd as it is installed, which really waits
// and watches its files. It shows that simulated time hides nothing. A kill takes a
// second. One that hits CreateAccessKey takes 45 seconds more, which keyd needs to
// find out whether a key was created.
func TestKillsByTheWallClock(t *testing.T) {
	if *killsSlow == 0 {
		t.Skip("left out: go test ./cmd/keyd -run TestKillsByTheWallClock -kills-slow 100 -timeout 1h -v")
	}
	k := newKilling(t)
	k.keyd, k.now = "keyd", time.Now
	aws, pairs := simulatedAWS(t, k.now, awssim.Lag{
		Create: awssim.Range{Max: 300 * time.Millisecond}, Revoke: awssim.Range{Max: 300 * time.Millisecond}, List: awssim.Range{Max: 100 * time.Millisecond},
	}, k.seed)
	k.measureRuns(aws, pairs)
	k.killUntil(func() bool { return k.tally.killed >= *killsSlow })
	k.judgeAll()
}
