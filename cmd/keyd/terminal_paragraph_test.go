package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/rotate"
)

// What is printed on a screen breaks between words, and never in a command: people paste it.
func TestParagraphsBreakBetweenWords(t *testing.T) {
	const command = "keyd prune legacy AKIARTX3GSDS6ZZ7JUUM"
	texts := []string{
		"default, work: AKIA..Z6JG is 75d old, rotating (user alice, account 111122223333)",
		"if no one needs it, deactivate it: " + command + "; if another machine uses it, give each machine its own IAM user",
		"AKIA..Z6JG works until 7 Dec, is then deactivated, and is deleted on 14 Dec; it is still used: by s3 in eu-west-1",
	}
	for _, width := range []int{60, 80, 120} {
		var out, problems bytes.Buffer
		term := &terminal{out: &out, err: &problems, width: width, errWidth: width}
		for _, text := range texts {
			term.printParagraph("  %s", text)
			term.printBehind("  swapped     ", text, 14)
			term.printError("legacy: "+text, command)
			term.printNote("%s", text)
		}
		all := out.String() + problems.String()
		for line := range strings.Lines(all) {
			if line = strings.TrimSuffix(line, "\n"); layout.CountColumns(line) > width && !strings.Contains(line, command) {
				t.Errorf("%d columns: %q is wider", width, line)
			}
		}
		if n := strings.Count(all, command); n != 7 { // four times in a text, and three times as the hint of an error
			t.Errorf("%d columns: %d of the commands are whole:\n%s", width, n, all)
		}
		joined := strings.Join(strings.Fields(all), " ")
		for _, text := range texts {
			if n := strings.Count(joined, text); n != 4 {
				t.Errorf("%d columns: %q stands there %d times, want 4", width, text, n)
			}
		}
	}
}

// In a pipe a sentence is one line, so that a program finds it.
func TestParagraphsStayOneLineInAPipe(t *testing.T) {
	var out, problems bytes.Buffer
	term := &terminal{out: &out, err: &problems}
	text := strings.Repeat("word ", 60) + "end"
	term.printParagraph("  %s", text)
	term.printError(text, "keyd status")
	if out.String() != "  "+text+"\n" || problems.String() != "keyd: error: "+text+"\nkeyd: hint: keyd status\n" {
		t.Errorf("%q, %q", out.String(), problems.String())
	}
}

// The line about a wait says less where there is no room, instead of ending in the middle.
func TestWaitFitsItsLine(t *testing.T) {
	e := rotate.Event{Verb: rotate.VerbProving, Text: "accepted by sts eu-west-1 0/5, sts us-east-1 0/5, iam 0/5", Elapsed: 4 * time.Second, Limit: 15 * time.Minute}
	for room, want := range map[int]string{
		0:   "  proving     accepted by sts eu-west-1 0/5, sts us-east-1 0/5, iam 0/5  4.0s, usually 20s, 15m at most",
		119: "  proving     accepted by sts eu-west-1 0/5, sts us-east-1 0/5, iam 0/5  4.0s, usually 20s, 15m at most",
		79:  "  proving     sts eu-west-1 0/5, sts us-east-1 0/5, iam 0/5  4.0s, usually 20s",
		70:  "  proving     sts eu-west-1 0/5, sts us-east-1 0/5, iam 0/5  4.0s",
	} {
		if got := formatWait(e, room); got != want {
			t.Errorf("%d columns: %q, want %q", room, got, want)
		}
	}
}
