package state_test

import (
	"testing"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// TestNotesAreRecognized: what is written into the history is understood when it is read.
func TestNotesAreRecognized(t *testing.T) {
	for text, want := range map[string][2]bool{
		state.PrunedNote: {true, false}, state.PrunedOffNote: {true, false}, state.RetiredNote: {},
		state.UseDeniedNote: {false, true}, decide.UseUnknown("it", true): {false, true}, "": {},
	} {
		e := state.HistoryEntry{Text: text}
		if got := [2]bool{e.IsPruning(), e.IsUseUnknown()}; got != want {
			t.Errorf("%q: pruned and use unknown %v, want %v", text, got, want)
		}
	}
}
