//go:build race

package rotate_test

// Under the race detector a run takes ten times as long, and the runs are one
// after the other as far as keyd is concerned: single faults will do.
const costly = true
