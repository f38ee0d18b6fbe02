package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"keyd/daemon/state"
)

// terminal prints, and asks questions. No other code in this package writes to
// standard output or standard error, or knows about colours and widths; a test
// enforces that. The result of a command goes to standard output. Errors, hints,
// notes and questions go to standard error.
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
	errors, too := p.err.(*os.File)
	shown := too && term.IsTerminal(int(errors.Fd()))
	if shown && p.getenv("TERM") != "dumb" {
		t.errWidth = 80
		_ = t.measureSize()
	}
	t.canAsk = ok && shown && term.IsTerminal(int(in.Fd()))
	return t
}

// wantsColour reports whether to print in colours: on a screen, unless the person has asked
// for something else in one of the ways that programs have in common. NO_COLOR outranks the
// others, and CLICOLOR_FORCE means also into a pipe.
// Source: no-color.org, bixense.com/clicolors.
func wantsColour(getenv func(string) string, screen bool) bool {
	force := getenv("CLICOLOR_FORCE")
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return screen && getenv("CLICOLOR") != "0"
}

// hasScreen reports whether standard output is a terminal that a person watches.
func (t *terminal) hasScreen() bool { return t.width > 0 }

// measureSize reads the size of the terminal again, and reports whether it has changed: its
// window may have been resized.
func (t *terminal) measureSize() bool {
	width, height := t.width, t.height
	if out, ok := t.out.(*os.File); ok && t.hasScreen() {
		if w, h, err := term.GetSize(int(out.Fd())); err == nil && w > 0 && h > 0 {
			t.width, t.height = w, h
		}
	}
	if out, ok := t.err.(*os.File); ok && t.errWidth > 0 {
		if w, _, err := term.GetSize(int(out.Fd())); err == nil && w > 0 {
			t.errWidth = w
		}
	}
	return width != t.width || height != t.height
}

// print writes text to standard output in a single write.
func (t *terminal) print(text string) {
	printing.Lock()
	defer printing.Unlock()
	t.eraseLine()
	_, _ = io.WriteString(t.out, escape(t.nameCommands(text)))
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
// others has gone through cell.
func (t *terminal) printLayout(text string) {
	t.eraseLine()
	_, _ = io.WriteString(t.out, escapeLayout(t.nameCommands(text)))
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
	for i, line := range strings.Split(escape(t.nameCommands(t.shortenHome(strings.TrimSpace(text)))), "\n") {
		if i > 0 {
			lead = strings.Repeat(" ", hanging)
			b.WriteString("\n" + lead)
		}
		b.WriteString(strings.TrimPrefix(fillLines(lead, line, hanging, t.errWidth), lead))
	}
	_, _ = io.WriteString(t.err, b.String()+"\n")
}

// redrawLine prints a line in place of the one it printed before. Standard output
// must be a terminal.
func (t *terminal) redrawLine(line string) {
	printing.Lock()
	defer printing.Unlock()
	_ = t.measureSize()
	_, _ = io.WriteString(t.out, "\r"+cutEnd(escape(line), t.width-1)+"\x1b[K")
	t.live = true
}

// clearLine is eraseLine for those who print nothing in its place.
func (t *terminal) clearLine() {
	printing.Lock()
	defer printing.Unlock()
	t.eraseLine()
}

// eraseLine removes the line that redrawLine printed, so that lasting text can
// take its place. The caller holds printing.
func (t *terminal) eraseLine() {
	if t.live {
		_, _ = io.WriteString(t.out, "\r\x1b[K")
		t.live = false
	}
}

// openScreen shows a screen of its own, without a cursor; closeScreen brings back what the
// terminal showed before. Standard output must be a terminal.
func (t *terminal) openScreen() { _, _ = io.WriteString(t.out, "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J") }

func (t *terminal) closeScreen() { _, _ = io.WriteString(t.out, "\x1b[?25h\x1b[?1049l") }

// redrawScreen replaces everything on the screen by lines, in a single write. There must be no
// more of them than the window has room for.
func (t *terminal) redrawScreen(lines []string) {
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\n")
		}
		if i == len(lines)-1 { // and what is below it; behind a letter in the last column this would erase the letter
			b.WriteString("\x1b[J")
		}
		line = escapeLayout(t.nameCommands(line))
		b.WriteString(line)
		if n := countColumns(stripColours(line)); n == 0 || n%max(t.width, 1) != 0 {
			b.WriteString("\x1b[K")
		}
	}
	_, _ = io.WriteString(t.out, b.String())
}

// askYesNo asks a question and reports whether the answer is yes. The end of the
// input, or Ctrl-C, means no.
func (t *terminal) askYesNo(ctx context.Context, question string) (bool, error) {
	t.clearLine()
	_, _ = io.WriteString(t.err, fillLines("", escape(t.nameCommands(question))+" [y/N]", hanging, t.errWidth)+" ")
	answer := make(chan string, 1)
	go func() { // a read from a terminal cannot be cancelled: it ends with the process
		line, _ := t.lines().ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		return line == "y" || line == "yes", nil
	case <-ctx.Done():
		_, _ = io.WriteString(t.err, "\n")
		return false, context.Cause(ctx)
	}
}

// canType reports whether a person can type an answer: also when standard error goes to a
// file, since the question can go to the terminal itself.
func (t *terminal) canType() bool {
	in, ok := t.in.(*os.File)
	return t.canAsk || ok && term.IsTerminal(int(in.Fd())) && t.screenName() != ""
}

// screenName returns the name of the terminal of this process, whatever its outputs are; ""
// when it has none, or that cannot be told.
func (t *terminal) screenName() string {
	const name = "/dev/tty"
	if f, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
		return name
	}
	return ""
}

// askLine asks for one line, which it returns without blanks around it: "" at the end of
// the input. What is typed is shown.
func (t *terminal) askLine(ctx context.Context, question string) (string, error) {
	t.clearLine()
	out := t.err
	if !t.canAsk {
		screen, err := os.OpenFile(t.screenName(), os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		defer screen.Close()
		out = screen
	}
	_, _ = io.WriteString(out, escape(question))
	answer := make(chan string, 1)
	go func() { // a read from a terminal cannot be cancelled: it ends with the process
		line, _ := t.lines().ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line, nil
	case <-ctx.Done():
		_, _ = io.WriteString(out, "\n")
		return "", context.Cause(ctx)
	}
}

// lines returns the one reader of the lines that a person types: what it has read ahead
// belongs to the next question.
func (t *terminal) lines() *bufio.Reader {
	if t.reader == nil {
		t.reader = bufio.NewReader(t.in)
	}
	return t.reader
}

// requireYes asks a question unless the command line says yes already. It returns
// an error if the answer is no. Without a terminal to ask on, it returns a usage
// error, so that no script continues by accident.
func (t *terminal) requireYes(ctx context.Context, yes bool, question string) error {
	switch {
	case yes:
		return nil
	case !t.canAsk:
		return usageError("add --yes to agree", "this is not a terminal, so keyd cannot ask: %s", question)
	}
	ok, err := t.askYesNo(ctx, question)
	if err == nil && !ok {
		t.printNote("nothing was done")
		return exitError(exitFailed)
	}
	return err
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

func plainText(text string) string { return text }

func (t *terminal) red(text string) string    { return t.paint("31", text) }
func (t *terminal) yellow(text string) string { return t.paint("33", text) }
func (t *terminal) green(text string) string  { return t.paint("32", text) }
func (t *terminal) bold(text string) string   { return t.paint("1", text) }
func (t *terminal) dim(text string) string    { return t.paint("2", text) }

func (t *terminal) paint(code, text string) string {
	if !t.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
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
