//go:build race

package rotate_test

// costly reports that a take needs so long that TestExplore tries only single
// faults. Under the race detector it needs ten times as long, and since keyd's
// code runs one call after the other, more faults would show no more races.
const costly = true
