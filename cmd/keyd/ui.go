package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// ui is the terminal face: the one place where anything is printed, and the
// only one that knows of colours, widths and questions. What was asked for goes
// to standard output; errors, hints, notes and questions to standard error.
type ui struct {
	process
	home   string // shown as ~
	width  int    // of standard output in columns; 0 when it is no terminal
	colour bool
	asks   bool // a person can answer
	live   bool // the last line on standard output is to be redrawn
}

func newUI(p process) *ui {
	u := &ui{process: p, home: cmp.Or(p.getenv("HOME"), p.getenv("USERPROFILE"))}
	if out, ok := p.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) && p.getenv("TERM") != "dumb" && enableEscapes(out) {
		u.width = 80
		u.measureWidth()
		u.colour = p.getenv("NO_COLOR") == ""
	}
	in, ok := p.in.(*os.File)
	errors, too := p.err.(*os.File)
	u.asks = ok && too && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(errors.Fd()))
	return u
}

// hasScreen reports whether a person watches standard output.
func (u *ui) hasScreen() bool { return u.width > 0 }

// measureWidth asks again how wide the terminal is.
func (u *ui) measureWidth() {
	if out, ok := u.out.(*os.File); ok && u.hasScreen() {
		if width, _, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
			u.width = width
		}
	}
}

// print writes text to standard output, in one piece.
func (u *ui) print(text string) {
	u.eraseLine()
	_, _ = io.WriteString(u.out, escape(text))
}

func (u *ui) printf(format string, args ...any) { u.print(fmt.Sprintf(format, args...)) }

// printError says what went wrong and what helps.
func (u *ui) printError(text, hint string) {
	u.printMessage("error", u.red, text)
	u.printHint(hint)
}

func (u *ui) printHint(text string) {
	if text != "" {
		u.printMessage("hint", plain, text)
	}
}

func (u *ui) printNote(format string, args ...any) {
	u.printMessage("note", plain, fmt.Sprintf(format, args...))
}

func (u *ui) printMessage(kind string, paint func(string) string, text string) {
	u.eraseLine()
	lines := strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
	_, _ = fmt.Fprintf(u.err, "keyd: %s: %s\n", paint(kind), escape(u.shortenHome(lines)))
}

// redrawLine shows a line in place of the one it showed before. Only a terminal
// can.
func (u *ui) redrawLine(line string) {
	u.measureWidth()
	_, _ = io.WriteString(u.out, "\r"+escape(cutLine(line, u.width-1))+"\x1b[K")
	u.live = true
}

// eraseLine makes room for what stays: the line that was redrawn goes.
func (u *ui) eraseLine() {
	if u.live {
		_, _ = io.WriteString(u.out, "\r\x1b[K")
		u.live = false
	}
}

// redrawScreen shows text alone, in place of what was there.
func (u *ui) redrawScreen(text string) {
	text = strings.ReplaceAll(escape(text), "\n", "\x1b[K\n")
	_, _ = io.WriteString(u.out, "\x1b[H"+text+"\x1b[J")
}

// clearScreen empties the terminal before the first screen.
func (u *ui) clearScreen() { _, _ = io.WriteString(u.out, "\x1b[H\x1b[2J") }

// askYesNo asks a person, who has to answer yes. Nobody there, or Ctrl-C, is no.
func (u *ui) askYesNo(ctx context.Context, question string) (bool, error) {
	u.eraseLine()
	_, _ = fmt.Fprintf(u.err, "%s [y/N] ", escape(question))
	answer := make(chan string, 1)
	go func() { // a read of a terminal cannot be cancelled: it ends with the process
		line, _ := bufio.NewReader(u.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		return line == "y" || line == "yes", nil
	case <-ctx.Done():
		_, _ = io.WriteString(u.err, "\n")
		return false, context.Cause(ctx)
	}
}

// requireYes asks unless the person has said yes on the command line. Where nobody
// can be asked it is a usage error, so that no script goes on by accident.
func (u *ui) requireYes(ctx context.Context, yes bool, question string) error {
	switch {
	case yes:
		return nil
	case !u.asks:
		return usage("add --yes to agree", "nobody can be asked here: %s", question)
	}
	ok, err := u.askYesNo(ctx, question)
	if err == nil && !ok {
		u.printNote("nothing was done")
		return exitError(exitFailed)
	}
	return err
}

// shortenHome writes the home directory as ~.
func (u *ui) shortenHome(text string) string {
	if len(u.home) < 2 {
		return text
	}
	return strings.ReplaceAll(text, u.home+string(os.PathSeparator), "~"+string(os.PathSeparator))
}

func plain(text string) string { return text }

func (u *ui) red(text string) string    { return u.paint("31", text) }
func (u *ui) yellow(text string) string { return u.paint("33", text) }
func (u *ui) dim(text string) string    { return u.paint("2", text) }

func (u *ui) paint(code, text string) string {
	if !u.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// runEvery calls f now and then every step, until ctx ends.
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
