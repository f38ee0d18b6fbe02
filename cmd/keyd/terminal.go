package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/state"
)

// terminal prints, redraws (terminal_screen.go) and asks questions (terminal_ask.go). No
// other code in this package writes to standard output or standard error, or knows about
// colours and widths; a test enforces that. The result of a command goes to standard output.
// Errors, hints, notes and questions go to standard error.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	name     string // of this program, in the commands that are printed
	home     string // printed as ~
	settings string // the path of keyd.ini; "" when it is unknown
	width    int    // columns of standard output; 0 if it is not a terminal
	errWidth int    // those of standard error
	height   int    // its rows
	colour   bool
	canAsk   bool          // a person can answer a question
	quiet    bool          // print no notes, and no hints without an error
	reader   *bufio.Reader // of in; see lines
	lost     error         // why standard output lacks some of what was printed; nil when all is there, or its reader has gone
	live     bool          // the last line on standard output is one that redrawLine wrote
}

// printing is held while a line is printed: what keyd waits for is shown from a goroutine of
// its own. One process has one terminal.
var printing sync.Mutex

func newTerminal(p process) *terminal {
	t := &terminal{in: p.in, out: p.out, err: p.err, name: p.name, home: cmp.Or(p.getenv("HOME"), p.getenv("USERPROFILE"))}
	if folders, err := state.FindFolders(p.getenv, p.goos); err == nil {
		t.settings = folders.SettingsFile
	}
	if out, ok := p.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) && p.getenv("TERM") != "dumb" && enableEscapes(out) {
		t.width, t.height = 80, 24
		_ = t.measureSize()
	}
	t.colour = wantsColour(p.getenv, t.hasScreen())
	in, ok := p.in.(*os.File)
	messages, too := p.err.(*os.File)
	shown := too && term.IsTerminal(int(messages.Fd()))
	if shown && p.getenv("TERM") != "dumb" {
		t.errWidth = 80
		_ = t.measureSize()
	}
	t.canAsk = ok && shown && term.IsTerminal(int(in.Fd()))
	return t
}

// print writes text to standard output in a single write.
func (t *terminal) print(text string) {
	t.write(layout.Escape(t.nameCommands(text)))
}

// write writes text to standard output as it is.
func (t *terminal) write(text string) {
	printing.Lock()
	defer printing.Unlock()
	t.eraseLine()
	_, err := io.WriteString(t.out, text)
	t.noteLost(err)
}

// noteLost remembers that standard output lacks something: the disk is full, for example. It
// is no mistake that the reader of a pipe has gone.
func (t *terminal) noteLost(err error) {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return
	}
	if out, ok := t.out.(*os.File); ok {
		if info, statErr := out.Stat(); statErr == nil && info.Mode()&os.ModeNamedPipe != 0 { // Windows has other words for it
			return
		}
	}
	if t.lost == nil {
		t.lost = err
	}
}

// printJSON writes v to standard output as indented JSON.
func (t *terminal) printJSON(v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	t.print(string(data) + "\n")
	return nil
}

// printLayout is print for text that may move the cursor to a column: whatever in it comes from
// others has gone through layout.Cell.
func (t *terminal) printLayout(text string) {
	t.write(layout.EscapeLayout(t.nameCommands(text)))
}

// refuseSecrets returns an error if standard output is a place where a secret would stay: a
// screen, or a file. A terminal that calls itself dumb is a screen as well.
func (t *terminal) refuseSecrets() error {
	const use = "write it into ~/.aws/config as credential_process, as keyd help credentials shows"
	out, ok := t.out.(*os.File)
	if !ok {
		return nil
	}
	if term.IsTerminal(int(out.Fd())) {
		return usageError(use, "keyd credentials prints a secret, and standard output is a terminal: nothing was printed")
	}
	if info, err := out.Stat(); err == nil && info.Mode().IsRegular() {
		return usageError(use, "keyd credentials prints a secret, and standard output is a file, which would be a copy that no one updates: nothing was printed")
	}
	return nil
}

// printSecrets is print for text that holds a secret, in a single write whose failure
// matters: a program that reads half of it must not be told that all went well.
func (t *terminal) printSecrets(text string) error {
	if err := t.refuseSecrets(); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, text)
	return err
}

func (t *terminal) printf(format string, args ...any) { t.print(fmt.Sprintf(format, args...)) }

// printError prints what went wrong, and a hint unless it is empty.
func (t *terminal) printError(text, hint string) {
	t.printMessage("error", t.red, strings.TrimSuffix(text, "; "+hint))
	if hint != "" {
		t.printMessage("hint", plainText, t.nameSettings(hint))
	}
}

// printHint prints a hint that belongs to no error, unless it is empty.
func (t *terminal) printHint(text string) {
	if text != "" && !t.quiet {
		t.printMessage("hint", plainText, t.nameSettings(text))
	}
}

func (t *terminal) printNote(format string, args ...any) {
	if !t.quiet {
		t.printMessage("note", plainText, fmt.Sprintf(format, args...))
	}
}

func (t *terminal) printMessage(kind string, paint func(string) string, text string) {
	printing.Lock()
	defer printing.Unlock()
	t.eraseLine()
	var b strings.Builder
	b.WriteString("keyd: " + paint(kind) + ": ")
	lead := "keyd: " + kind + ": "
	for i, line := range strings.Split(layout.Escape(t.nameCommands(t.shortenHome(strings.TrimSpace(text)))), "\n") {
		if i > 0 {
			lead = strings.Repeat(" ", layout.Hanging)
			b.WriteString("\n" + lead)
		}
		b.WriteString(strings.TrimPrefix(layout.Fill(lead, line, layout.Hanging, t.errWidth), lead))
	}
	_, _ = io.WriteString(t.err, b.String()+"\n")
}

// shortenHome writes the home directory as ~, but not after a quotation mark: no shell
// expands ~ there, and people paste what keyd prints.
func (t *terminal) shortenHome(text string) string {
	if len(t.home) < 2 || !strings.Contains(text, t.home) {
		return text
	}
	parts := strings.Split(text, t.home+string(os.PathSeparator))
	var b strings.Builder
	for i, part := range parts {
		if i > 0 && strings.HasSuffix(parts[i-1], "'") {
			b.WriteString(t.home + string(os.PathSeparator))
		} else if i > 0 {
			b.WriteString("~" + string(os.PathSeparator))
		}
		b.WriteString(part)
	}
	return b.String()
}

// nameSettings writes the path of keyd.ini into a hint that names the file alone: where it
// is depends on the system, and it need not exist yet.
func (t *terminal) nameSettings(text string) string {
	for _, in := range []string{" in ", " of "} {
		if t.settings != "" {
			text = strings.ReplaceAll(text, in+"keyd.ini", in+t.settings)
		}
	}
	return text
}

// runEvery calls f at once and then at every step, until ctx ends.
func runEvery(ctx context.Context, step time.Duration, f func()) {
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		f()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
