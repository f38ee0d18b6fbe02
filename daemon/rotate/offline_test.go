package rotate

import (
	"cmp"
	"testing"
	"time"

	"keyd/daemon/decide"
)

// TestOutageDelaysOnlyWhatNeedsAWS mends the torn pair of one key although
// another key has found the network away. A step that needs AWS does not wait
// for a timeout of its own.
func TestOutageDelaysOnlyWhatNeedsAWS(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, do := range []decide.Do{decide.DoMend, decide.DoProve} {
		found := &target{progress: &progress{}, facts: decide.Facts{Failure: &decide.Failure{Do: decide.DoLook, At: now, Count: 3, Offline: true, Why: "no such host"}}}
		away := outage{passBegan: now.Add(-time.Second)}
		away.noteTarget(found)
		u := &target{progress: &progress{}}
		away.shareFailure(u, do, now)
		got := cmp.Or(u.facts.Failure, &decide.Failure{})
		if do == decide.DoMend && got.Count != 0 || do != decide.DoMend && (got.Do != do || got.Count != 1) {
			t.Errorf("%s has failure %+v, want one only if it needs AWS", do, got)
		}
	}
}
