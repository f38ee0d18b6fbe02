package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/decide"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const (
	// mostDetails is how many reasons the status explains below the table.
	mostDetails = 20
	// mostNames is how many keys, and how many commands, it names for one of them.
	mostNames = 10
)

// detail is one reason below the table, with the keys that share it.
type detail struct {
	keys []state.KeyStatus
}

// writeDetails writes below the table why keys need a person and what helps: the whole
// sentence, and the commands, each in one piece.
func (t *terminal) writeDetails(b *strings.Builder, r *report) {
	all := collectDetails(r.Keys)
	for i, d := range all {
		if i == mostDetails && !r.needsMe && t.hasScreen() {
			b.WriteString("\n" + settings.FormatCount(len(all)-i, "more reason", "more reasons") + ": keyd status --needs-me, or keyd explain PROFILE\n")
			break
		}
		b.WriteString("\n")
		for _, line := range t.detailLines(d) {
			b.WriteString(line + "\n")
		}
	}
}

// collectDetails returns the keys that need a person, or for which a person may be able to do
// something, grouped by their reason. The urgent ones come first, as in the table.
func collectDetails(keys []state.KeyStatus) (all []detail) {
	known := map[string]int{}
	for _, l := range keys {
		if !l.NeedsPerson && l.Hint == "" || l.State == decide.StateSkipped {
			continue
		}
		name := reasonPattern(l)
		if i, ok := known[name]; ok {
			all[i].keys = append(all[i].keys, l)
			continue
		}
		known[name] = len(all)
		all = append(all, detail{keys: []state.KeyStatus{l}})
	}
	return all
}

// ownWords matches what differs between two keys of which AWS says the same.
var ownWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`arn:[^ ;,]+|\b(AKIA|ASIA)(\.\.)?[A-Z0-9]{4,}\b|\b[A-Za-z0-9]{4}\.\.[A-Za-z0-9]{4}\b`)
})

// reasonPattern returns the reason and the hint of a key without what is its own, so that two
// keys with the same trouble have the same pattern.
func reasonPattern(l state.KeyStatus) string {
	text := string(l.State) + "\n" + l.Why + "\n" + l.Hint
	for _, name := range l.Profiles {
		text = hideWord(text, name)
	}
	return ownWords().ReplaceAllString(text, "*")
}

// hideWord replaces a word by a star wherever it stands by itself.
func hideWord(text, word string) string {
	if word == "" || !strings.Contains(text, word) {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, word)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		begins := before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, "'") || strings.HasSuffix(before, "\n") || strings.HasSuffix(before, "=")
		if begins && (after == "" || strings.ContainsRune(" ',:;\n", rune(after[0]))) {
			b.WriteString("*")
		} else {
			b.WriteString(word)
		}
		text = after
	}
}

// detailLines returns the lines about one reason.
func (t *terminal) detailLines(d detail) []string {
	first := d.keys[0]
	lines := splitLines(layout.Fill("", t.detailHeading(d), 2, t.width))
	add := func(indent int, text string) {
		for _, line := range layout.Wrap(text, t.room(indent)) {
			lines = append(lines, strings.Repeat(" ", indent)+line)
		}
	}
	if t.hasScreen() { // elsewhere it is in the table, in the line of each key
		why := t.nameCommands(t.shortenHome(stripPackages(layout.Cell(first.Why))))
		if slices.ContainsFunc(d.keys, func(l state.KeyStatus) bool { return l.Why != first.Why }) {
			why = "for example " + layout.Cell(first.Profiles[0]) + ": " + why
		}
		add(4, why)
	}
	for _, p := range t.hintPieces(d) {
		switch {
		case !t.hasScreen():
			add(4, p.Text)
		case p.IsCommand: // in one piece, and alone in its line
			lines = append(lines, strings.Repeat(" ", min(max(t.width-layout.CountColumns(p.Text), 0), 8))+p.Text)
		default:
			add(4, p.Text)
		}
	}
	return lines
}

// detailHeading names the keys that share a reason, and the reason in a few words.
func (t *terminal) detailHeading(d detail) string {
	paint := t.yellow
	if d.keys[0].NeedsPerson {
		paint = t.red
	}
	var names []string
	for _, l := range d.keys[:min(len(d.keys), mostNames)] {
		names = append(names, layout.Cell(joinNames(l.Profiles)))
	}
	heading := t.bold(joinNames(names))
	if more := len(d.keys) - len(names); more > 0 {
		heading += " and " + settings.FormatNumber(int64(more)) + " more"
	}
	return heading + ": " + paint(layout.Cell(t.shortenHome(shortReason(&d.keys[0]))))
}

// hintPieces returns the hints of a reason, as lines. A command of each key stands for itself;
// prose that several hints have in common stands there once.
func (t *terminal) hintPieces(d detail) (pieces []layout.Piece) {
	var hints []string
	for _, l := range d.keys {
		text := t.shortenHome(t.nameSettings(layout.Cell(l.Hint)))
		if text != "" && !slices.Contains(hints, text) {
			hints = append(hints, text)
		}
	}
	more := len(hints) - mostNames
	hints = hints[:min(len(hints), mostNames)]
	if !t.hasScreen() {
		for _, text := range hints {
			pieces = append(pieces, layout.Piece{Text: formatHint(text)})
		}
	} else {
		pieces = t.splitHints(hints)
	}
	if more > 0 {
		pieces = append(pieces, layout.Piece{Text: "and " + settings.FormatNumber(int64(more)) + " more: keyd explain PROFILE"})
	}
	return pieces
}

// splitHints returns the pieces of hints, by the name of the program.
func (t *terminal) splitHints(hints []string) (pieces []layout.Piece) {
	for i, text := range hints {
		hints[i] = t.nameCommands(text)
	}
	if merged := mergeHints(hints); merged != nil {
		return merged
	}
	for _, text := range hints {
		pieces = append(pieces, mergeHints([]string{text})...)
	}
	return pieces
}

// mergeHints returns the pieces of hints that differ only in their commands; nil for others.
func mergeHints(hints []string) (merged []layout.Piece) {
	var all [][]layout.Piece
	for _, text := range hints {
		all = append(all, layout.SplitPieces(text))
	}
	if len(all) == 0 {
		return nil
	}
	for i, p := range all[0] {
		var alike []layout.Piece
		for _, other := range all {
			if len(other) != len(all[0]) || other[i].IsCommand != p.IsCommand || !p.IsCommand && other[i].Text != p.Text {
				return nil
			}
			if p.IsCommand && !slices.Contains(alike, other[i]) {
				alike = append(alike, other[i])
			}
		}
		if !p.IsCommand {
			text := strings.TrimRight(strings.TrimLeft(p.Text, ";,. "), "; ")
			if text == "" || strings.Trim(text, "()") == "" {
				continue
			}
			alike = []layout.Piece{{Text: text}}
		} else if len(merged) == 0 {
			alike = append([]layout.Piece{{Text: "what to do:"}}, alike...)
		}
		merged = append(merged, alike...)
	}
	return merged
}

// room returns the width of lines with this indentation; 0 for no limit.
func (t *terminal) room(indent int) int {
	if !t.hasScreen() {
		return 0
	}
	return max(t.width-indent, cmp.Or(min(t.width, narrowest), 1))
}
