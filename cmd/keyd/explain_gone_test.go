package main

import (
	"strings"
	"testing"
	"time"

	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// TestPastKeyTellsItsEnd goes through the ways in which a key leaves the files.
func TestPastKeyTellsItsEnd(t *testing.T) {
	const id, next = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPL2"
	at := func(days int) time.Time { return monday.Add(time.Duration(days-30) * day) }
	entry := func(days int, verb, key string, e state.HistoryEntry) state.HistoryEntry {
		e.Time, e.Verb, e.KeyID, e.Process, e.Profiles, e.User, e.Account = at(days), verb, key, "run", []string{"work"}, "ann", "111122223333"
		return e
	}
	pair := state.HistoryEntry{About: state.About{OldKey: id, NewKey: next}}
	swapped := []state.HistoryEntry{entry(1, rotate.VerbCreated, next, state.HistoryEntry{About: pair.About, OldCreated: at(-60)}), entry(2, rotate.VerbSwapped, next, pair)}
	for name, c := range map[string]struct {
		entries    []state.HistoryEntry
		says, life string
	}{
		"replaced and deleted": {append(swapped[:2:2], entry(9, rotate.VerbDeactivated, id, pair), entry(16, rotate.VerbDeleted, id, pair)),
			"deleted on 9 Nov 2026 by keyd run, replaced by AKIA..MPL2 in work", "created 25 Aug ── replaced 26 Oct ── off 2 Nov ── deleted 9 Nov"},
		"in quarantine when the journal was lost": {append(swapped[:2:2], entry(9, rotate.VerbDeactivated, id, pair)),
			"made inactive on 2 Nov 2026 by keyd run, replaced by AKIA..MPL2 in work, keyd has not deleted it, and the files do not show it", "── off 2 Nov"},
		"replaced, and left alone since": {swapped, "replaced by AKIA..MPL2 on 26 Oct 2026 by keyd run in work, keyd has not deleted it", "── replaced 26 Oct"},
		"retired": {[]state.HistoryEntry{entry(3, rotate.VerbDeactivated, id, state.HistoryEntry{Text: state.RetiredNote}), entry(10, rotate.VerbDeleted, id, state.HistoryEntry{Text: state.RetiredNote})},
			"deleted on 3 Nov 2026 by keyd run, retired by a person, without a successor", "off 27 Oct ── deleted 3 Nov"},
		"a new key that failed": {[]state.HistoryEntry{entry(1, rotate.VerbCreated, id, state.HistoryEntry{About: state.About{OldKey: next, NewKey: id}}), entry(1, rotate.VerbDeleted, id, state.HistoryEntry{Text: "AWS did not accept it"})},
			"deleted on 25 Oct 2026 by keyd run, AWS did not accept it", "created 25 Oct ── deleted 25 Oct"},
		"held": {append(swapped[:2:2], entry(9, rotate.VerbDeactivated, id, pair), entry(10, rotate.VerbRevived, id, pair)),
			"made active again on 3 Nov 2026 by keyd run, replaced by", "── on again 3 Nov"},
		"put back": {append(swapped[:2:2], entry(3, rotate.VerbPutBack, id, pair)), "keyd has not deleted it, and the files do not show it", "created 25 Aug"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(process{getenv: func(string) string { return "" }})
			got := a.term.formatPast(findPast(id, c.entries), map[string]string{"work": next}, monday)
			if !strings.Contains(got, "    "+c.says) || !strings.Contains(got, c.life+"\n") {
				t.Errorf("want %q and %q in\n%s", c.says, c.life, got)
			}
			if gone := strings.Contains(c.says, "deleted on"); strings.Contains(got, "aws iam list-access-keys --profile work") == gone {
				t.Errorf("what to do is wrong:\n%s", got)
			}
		})
	}
}
