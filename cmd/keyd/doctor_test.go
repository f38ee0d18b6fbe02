package main

import (
	"strings"
	"testing"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/doctor"
)

// TestDoctorSaysLittle renders a machine on which all is well as one line, and leaves no
// command in pieces on a narrow screen.
func TestDoctorSaysLittle(t *testing.T) {
	term := &terminal{home: "/home/me", width: 60}
	r := doctor.Report{Checks: []doctor.Checked{{Name: "links", Group: doctor.GroupFiles, Worst: doctor.Fine}, {Name: "copies", Group: doctor.GroupCopies, Worst: doctor.Unknown, Skipped: "--no-search"}}}
	if got := term.formatDoctor(&r, false); got != "all is well, 1 check not made\n" {
		t.Errorf("%q", got)
	}
	usual := doctor.Entry{Check: "links", Group: doctor.GroupFiles, Severity: doctor.Unknown, Found: "nobody knows", Usual: true}
	r.Findings = []doctor.Entry{usual}
	if got := term.formatDoctor(&r, false); got != "all is well, 1 check not made, 1 thing that only use can\n    show (keyd doctor --all)\n" {
		t.Errorf("%q", got)
	}
	if got := term.formatDoctor(&r, true); !strings.Contains(got, "  unknown  nobody knows\n") || !strings.Contains(got, "copies: not looked at, --no-search\n") {
		t.Errorf("%q", got)
	}
	long := "chmod go-rwx /home/me/" + strings.Repeat("deep/", 20) + "credentials"
	r.Findings = append(r.Findings,
		doctor.Entry{Check: "links", Group: doctor.GroupFiles, Severity: doctor.Wrong, Found: strings.Repeat("a long text about it ", 8), Why: "it matters", Run: long, Fixable: true},
		doctor.Entry{Check: "links", Group: doctor.GroupFiles, Severity: doctor.Note, Found: "was there", Fixed: "took it away"})
	got := term.formatDoctor(&r, false)
	for _, want := range []string{"           run: " + term.shortenHome(long) + "\n", "  repaired was there\n           took it away\n", "\n1 thing needs you, 1 thing repaired"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if layout.CountColumns(line) > 61 && !strings.Contains(line, "run: ") && !strings.HasPrefix(line, "1 thing") {
			t.Errorf("too wide: %q", line)
		}
	}
}
