package rotate_test

import (
	"testing"
)

// TestSearchFindsDeadEnds is a graph in which one scene leads to an end, two lead to
// each other, and one leads to these.
func TestSearchFindsDeadEnds(t *testing.T) {
	s := search{leads: map[uint64]lead{1: {to: 2}, 2: {ends: true}, 3: {to: 4}, 4: {to: 3}, 5: {to: 4}, 6: {to: 1}}}
	s.findDeadEnds(func(trace) bool { return false })
	if len(s.found) != 3 {
		t.Errorf("%d dead ends, want those of 3, 4 and 5", len(s.found))
	}
}
