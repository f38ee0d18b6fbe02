package rotate_test

import (
	"testing"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
)

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
