package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/evidence"
	"keyd/daemon/state"
)

// The history, the report and the settings fit into a window of 80 columns: the terminal breaks
// no line, and nothing is left out.
func TestTablesFitTheWindow(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 1, 42, 0, time.UTC)
	entry := state.HistoryEntry{Time: at, Process: "rotate", Profiles: []string{"default", "work"}, Verb: "mended",
		KeyID: "AKIARTX3GSDSZOP6N5EW", About: state.About{Command: "keyd rotate --retire-now", OldKey: "AKIARTX3GSDS2M5OZ6JG", NewKey: "AKIARTX3GSDSZOP6N5EW", User: "alice", Account: "111122223333"},
		Text: filepath.FromSlash("/home/alice/.aws/credentials") + " (4 values in 2 profiles), nothing else changed"}
	report := &evidence.Report{
		Keys: []*evidence.Key{
			{ID: "AKIARTX3GSDS2M5OZ6JG", Profiles: []string{"default", "work"}, Status: "Active", AgeDays: 75, Created: at, WhoAsked: "a person: keyd rotate --retire-now"},
			{ID: "AKIARTX3GSDSZOP6N5EW", Profiles: []string{"legacy"}, Status: "Active", AgeDays: 90, Created: at},
		},
		Rotations: []*evidence.Rotation{{OldKey: "AKIARTX3GSDS2M5OZ6JG", NewKey: "AKIARTX3GSDSZOP6N5EW", Profiles: []string{"default", "work"}, Began: at, Deactivated: at, OldAgeDays: 75, InTime: "pass", WhoAsked: "a person: keyd rotate --retire-now"}},
		Controls: []evidence.Control{
			{Framework: "CIS AWS Foundations", Versions: "4.0", ID: "1.14", Asks: "young keys", Outcome: evidence.Fail}, {Framework: "PCI DSS", ID: "8.6.3", Outcome: evidence.Fail},
			{Framework: "CIS AWS Foundations", Versions: "7.0", ID: "2.12", Asks: "young keys", Outcome: evidence.Fail}, {Framework: "CIS AWS Foundations", Versions: "6.0", ID: "2.12", Asks: "one key", Outcome: evidence.Fail},
		},
	}
	verified := &verification{Lines: 7, Chained: 6, Older: 1, Compared: []comparison{{KeyID: "AKIARTX3GSDS2M5OZ6JG", From: 1, Line: 7}}, NotCompared: []string{"AWS has no hash of this history: no description of a key has one yet"}}
	unset := configReport{InForce: "managed", blames: "keyd.ini has a mistake", Paths: configPaths{Settings: filepath.FromSlash("/home/alice/.config/keyd-aws/keyd.ini"), Managed: filepath.FromSlash("/etc/keyd-aws/keyd.ini")}, Remarks: []string{"the overlap is so short that programs which read the file once a day use an old key in it"}}
	for _, width := range []int{80, 120} {
		term := &terminal{width: width, home: filepath.FromSlash("/home/alice")}
		for name, text := range map[string]string{"history": term.historyTable([]state.HistoryEntry{entry}), "report": term.evidenceText(report), "verified": verified.text(width), "settings": term.configTable(unset)} {
			for line := range strings.Lines(text) {
				if line = strings.TrimRight(line, "\n"); layout.CountColumns(line) > width {
					t.Errorf("%s, %d columns: %q is wider", name, width, line)
				}
			}
			for _, want := range map[string][]string{
				"history":  {"2026-11-30", "repaired", "AKIA..N5EW for AKIA..Z6JG", "default, work", "keyd rotate --retire-now", "alice 111122223333", filepath.FromSlash("~/.aws/credentials"), "nothing else"},
				"report":   {"AKIA..Z6JG", "75d", "legacy", "90 DAYS", "unknown", "keyd rotate --retire-now", "CIS AWS Foundations 2.12 (7.0), 2.12 (6.0); PCI DSS 8.6.3"},
				"verified": {"7 lines, 6 with a hash", "lines 1 to 7 are as they were then", "no description of a key has one yet"},
				"settings": {filepath.FromSlash("~/.config/keyd-aws/keyd.ini") + " (does not exist, so everything is at its default)", "and no old key is ended", "once a day use an old key in it"},
			}[name] {
				if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
					t.Errorf("%s, %d columns: %q is missing in:\n%s", name, width, want, text)
				}
			}
		}
	}
	if wide := (&terminal{}).historyTable([]state.HistoryEntry{entry}); strings.Count(wide, "\n") != 2 {
		t.Errorf("in a pipe:\n%s", wide)
	}
}
