package main

import (
	"context"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// pictureFile is the picture of keyd status in README.md.
const pictureFile = "testdata/status.svg"

// TestPictureShowsTheStatus draws what keyd status prints in a window, and compares it with the
// picture in the repository. To draw it anew: go test ./cmd/keyd -run TestPicture -update
func TestPictureShowsTheStatus(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	defer func() { time.Local = local }()
	s := &shownHome{}
	s.add("legacy", failing(412, "second active key", "the user has a second active key, AKIA..JUUM, made 500d ago, last used 3d ago by s3 in eu-west-1: it may be another machine's",
		"if another machine uses it (last used 3d ago by s3 in eu-west-1), give each machine its own IAM user: keyd policy --second-user legacy; only if no one needs it, deactivate it: keyd prune legacy AKIARTX3GSDS6ZZ7JUUM"))
	s.add("backup", state.KeyStatus{State: decide.StateWaiting, Created: monday.Add(-83 * day), Until: monday.Add(2 * time.Minute), Short: "cannot reach AWS",
		Why: "iam: GetCallerIdentity at sts.eu-west-1.amazonaws.com: network is unreachable", Hint: "connect this machine to the network"})
	s.add("default", state.KeyStatus{State: decide.StateOverlap, Created: monday.Add(-2 * day), Until: monday.Add(5*day + 4*time.Hour), InRotation: true, Short: "both keys work", Why: "AKIA..Z6JG works until the overlap is over, and is then deactivated"})
	s.add("ci", young(12))
	s.add("terraform", young(31))
	a, out := s.open(t)
	a.term.width, a.term.height, a.term.colour = 92, 30, true
	runDaemon(t, a)
	if err := a.showStatus(t.Context(), nil, statusOptions{}); err == nil {
		t.Fatal("no key needs a person")
	}
	got := drawTerminal("keyd status", out.String(), 92)
	if *updateMessages {
		if err := os.WriteFile(pictureFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pictureFile)
	if err != nil || strings.ReplaceAll(string(want), "\r\n", "\n") != got {
		t.Errorf("%v: the picture is out of date: go test ./cmd/keyd -run TestPicture -update", err)
	}
	if !strings.Contains(readReadme(t), "(cmd/keyd/"+pictureFile+")") {
		t.Error("the README does not show the picture")
	}
}

// runDaemon makes it look as if a daemon ran: its lock is held, and it has said who it is.
func runDaemon(t *testing.T, a *app) {
	t.Helper()
	folders, err := state.FindFolders(a.getenv, a.goos)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := state.LockFile(context.Background(), atomicfile.OS{}, state.DaemonLockPath(folders.StateDir), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	info := state.DaemonInfo{Version: state.DaemonInfoVersion, PID: 4711, Since: monday.Add(-time.Hour), NextPass: monday.Add(11 * time.Minute)}
	if err := info.Save(atomicfile.OS{}, filepath.Clean(folders.StateDir)); err != nil {
		t.Fatal(err)
	}
}

// colours are those of a dark terminal, for keyd's own sequences.
var colours = map[string]string{"\x1b[31m": "#ff7b72", "\x1b[32m": "#7ee787", "\x1b[33m": "#e3b341", "\x1b[2m": "#8b949e", "\x1b[1m": "#ffffff"}

// drawTerminal returns a picture of a terminal that shows a command and what it has printed.
// Each run of letters stands at its own column, so that no font breaks the table.
func drawTerminal(command, text string, width int) string {
	const advance, height, margin = 8, 18, 16
	lines := strings.Split("$ "+command+"\n"+strings.TrimSuffix(text, "\n"), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%s">`+"\n",
		width*advance+2*margin, (len(lines)+1)*height+2*margin, html.EscapeString("$ "+command))
	b.WriteString(`<rect width="100%" height="100%" rx="8" fill="#0d1117"/>` + "\n")
	for i, fill := range []string{"#ff5f56", "#ffbd2e", "#27c93f"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="16" r="5" fill="%s"/>`+"\n", margin+5+i*16, fill)
	}
	b.WriteString(`<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" xml:space="preserve">` + "\n")
	for row, line := range lines {
		y, column, fill := margin+(row+2)*height-4, 0, "#e6edf3"
		for line != "" {
			if n := layout.ColourLength(line); n > 0 {
				fill = colours[line[:n]]
				if fill == "" {
					fill = "#e6edf3"
				}
				line = line[n:]
				continue
			}
			end := strings.Index(line, "\x1b")
			if end < 0 {
				end = len(line)
			}
			if gap := strings.Index(line[:end], "  "); line[0] == ' ' { // blanks have no letters
				blanks := len(line[:end]) - len(strings.TrimLeft(line[:end], " "))
				column, line = column+blanks, line[blanks:]
				continue
			} else if gap > 0 {
				end = gap
			}
			run := strings.TrimRight(line[:end], " ")
			if run == "" {
				column, line = column+end, line[end:]
				continue
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n", margin+column*advance, y, fill, layout.CountColumns(run)*advance, html.EscapeString(run))
			column, line = column+layout.CountColumns(line[:end]), line[end:]
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
