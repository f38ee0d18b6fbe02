package rotate_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// TestRotationMakesTheListedCalls counts the calls that RELIABILITY.md lists: for one
// key and two regions, from the first look to the deletion, if IAM answers at once.
func TestRotationMakesTheListedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Rotator.Settings.CheckEvery = 30 * settings.Day
		l.RunUntil(20*settings.Day, lab.Settled)
		calls := map[string]int{}
		for _, c := range l.Cloud.Calls() {
			calls[c.Action]++
		}
		want := map[string]int{"CreateAccessKey": 1, "DeleteAccessKey": 1, "UpdateAccessKey": 2, "GetAccessKeyLastUsed": 1, "TagUser": 1, "UntagUser": 1,
			"GetCallerIdentity": 15, "ListAccessKeys": 10}
		if !maps.Equal(calls, want) {
			var lines []string
			for _, action := range slices.Sorted(maps.Keys(calls)) {
				lines = append(lines, fmt.Sprintf("%s %d, want %d", action, calls[action], want[action]))
			}
			t.Errorf("RELIABILITY.md lists other calls:\n%s", strings.Join(lines, "\n"))
		}
	})
}
