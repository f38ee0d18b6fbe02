package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"keyd/cmd/keyd/layout"
)

// Help is read in a window of 80 columns: no line is broken by the terminal, but for commands,
// which are there to be pasted. In a wide window and in a pipe the text is as it was written.
func TestHelpFitsTheWindow(t *testing.T) {
	var out bytes.Buffer
	a := &app{process: process{out: &out, err: &out, getenv: func(string) string { return "" }}}
	a.term = &terminal{out: &out, err: &out, width: 80}
	root := newRootCommand(a, nil)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		text := a.term.formatHelp(cmd)
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\n"); layout.CountColumns(line) > 80 && !strings.HasPrefix(line, "  aws ") {
				t.Errorf("%s: %d columns: %q", cmd.CommandPath(), layout.CountColumns(line), line)
			}
		}
		if strings.HasSuffix(text, "\n\n") || strings.HasPrefix(text, "\n") {
			t.Errorf("%s begins or ends with an empty line", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestParagraphsOfHelpAreRefilled(t *testing.T) {
	const text = "one two three\nfour five\n\n  laid out by hand, and wide\nsix"
	for width, want := range map[int]string{
		80: text,
		11: "one two\nthree four\nfive\n\n  laid out by hand, and wide\nsix",
	} {
		if got := refill(text, width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}

// Who comes from another program types its words.
func TestWordsOfOtherProgramsAreUnderstood(t *testing.T) {
	all := commandNames(newRootCommand(&app{term: &terminal{}}, nil))
	seen := map[string]string{}
	for name, words := range otherWords {
		for _, word := range words {
			if other := seen[word]; other != "" || strings.Contains(" "+strings.Join(all, " ")+" ", " "+word+" ") && word != "settings" {
				t.Errorf("%q stands for %s as well, or is a command", word, other)
			}
			seen[word] = name
			if got := suggestCommand(word, all); got != "did you mean "+name+"?" {
				t.Errorf("%q: %q, want %s", word, got, name)
			}
		}
	}
	for typed, want := range map[string]string{"stauts": "did you mean status?", "LS": "did you mean status?", "xyzzy": "keyd help"} {
		if got := suggestCommand(typed, all); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
