//go:build !race

package rotate_test

import "runtime"

// costly reports that a take needs so long that TestExplore tries only single
// faults. Under wine it needs as long as under the race detector. The disk of
// these tests is in memory, so Windows adds no disk of another kind.
const costly = runtime.GOOS == "windows"
