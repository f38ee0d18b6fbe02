package main

import (
	"fmt"
	"slices"
	"strings"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// tally counts how the keys of a pass stand at its end, for one closing line.
type tally struct {
	words  []string // in the order of their first key
	counts map[string]int
	keys   int
}

// add counts one key under a word.
func (t *tally) add(word string) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if t.counts[word]++; t.counts[word] == 1 {
		t.words = append(t.words, word)
	}
	t.keys++
}

// String returns the counts, those that need a person first.
func (t *tally) String() string {
	urgent := []string{"needs you", "failed", "interrupted"}
	slices.SortStableFunc(t.words, func(a, b string) int {
		return boolRank(!slices.Contains(urgent, a)) - boolRank(!slices.Contains(urgent, b))
	})
	var parts []string
	for _, word := range t.words {
		if word == skippedWord {
			continue
		}
		if word == "needs you" && t.counts[word] > 1 {
			parts = append(parts, fmt.Sprintf("%d need you", t.counts[word]))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", t.counts[word], word))
	}
	text := strings.Join(parts, ", ")
	switch skipped := t.counts[skippedWord]; {
	case skipped > 0 && text != "":
		return fmt.Sprintf("%s; %d %s", text, skipped, skippedWord)
	case skipped > 0:
		return fmt.Sprintf("%d %s", skipped, skippedWord)
	}
	return text
}

// skippedWord counts what holds no key that could be rotated: keyd status counts it apart from
// the keys as well.
const skippedWord = "skipped"

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tallyWord returns the word under which a key is counted. code is the exit code of the key.
func (n *narrator) tallyWord(r rotate.Result, code int) string {
	profiles := joinNames(r.Profiles)
	switch {
	case code == exitPerson:
		return "needs you"
	case r.Err == nil && !decide.ActionOf(r.Do).EndsPass && r.Do == decide.DoCreate:
		return "would be replaced"
	case r.Err == nil && !decide.ActionOf(r.Do).EndsPass:
		return "would continue"
	case r.Do == decide.DoSkip:
		return skippedWord
	case code != exitDone:
		return "failed"
	case n.swapped[profiles]:
		return "replaced"
	case r.Rotation != nil && !n.acted[profiles]:
		return "rotating"
	case n.acted[profiles] && r.Rotation == nil:
		return "finished"
	case n.acted[profiles]:
		return "continued"
	case r.State == decide.StateOK:
		return "ok"
	}
	return "waiting"
}

// printTally prints the closing line of a pass over several keys, or of a dry run.
func (n *narrator) printTally(t *tally) {
	switch {
	case n.flags.dryRun:
		n.term.printParagraph("%s; nothing was changed", t)
	case t.keys > 1 && t.keys > t.counts[skippedWord]:
		n.term.printParagraph("%s: %s", settings.FormatCount(t.keys-t.counts[skippedWord], "key", "keys"), t)
	case t.keys > 1:
		n.term.printParagraph("%s", t)
	}
}
