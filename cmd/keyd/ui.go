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
	if out, ok := p.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) && p.getenv("TERM") != "dumb" && escapes(out) {
		u.width = 80
		u.resize()
		u.colour = p.getenv("NO_COLOR") == ""
	}
	in, ok := p.in.(*os.File)
	errors, too := p.err.(*os.File)
	u.asks = ok && too && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(errors.Fd()))
	return u
}

// terminal reports whether a person watches standard output.
func (u *ui) terminal() bool { return u.width > 0 }

// resize asks again how wide the terminal is.
func (u *ui) resize() {
	if out, ok := u.out.(*os.File); ok && u.terminal() {
		if width, _, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
			u.width = width
		}
	}
}

// print writes text to standard output, in one piece.
func (u *ui) print(text string) {
	u.still()
	_, _ = io.WriteString(u.out, visible(text))
}

func (u *ui) printf(format string, args ...any) { u.print(fmt.Sprintf(format, args...)) }

// fail says what went wrong and what helps.
func (u *ui) fail(text, hint string) {
	u.say("error", u.red, text)
	u.hint(hint)
}

func (u *ui) hint(text string) {
	if text != "" {
		u.say("hint", plain, text)
	}
}

func (u *ui) note(format string, args ...any) { u.say("note", plain, fmt.Sprintf(format, args...)) }

func (u *ui) say(kind string, paint func(string) string, text string) {
	u.still()
	lines := strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
	_, _ = fmt.Fprintf(u.err, "keyd: %s: %s\n", paint(kind), visible(u.short(lines)))
}

// redraw shows a line in place of the one it showed before. Only a terminal
// can.
func (u *ui) redraw(line string) {
	u.resize()
	_, _ = io.WriteString(u.out, "\r"+visible(cut(line, u.width-1))+"\x1b[K")
	u.live = true
}

// still makes room for what stays: the line that was redrawn goes.
func (u *ui) still() {
	if u.live {
		_, _ = io.WriteString(u.out, "\r\x1b[K")
		u.live = false
	}
}

// screen shows text alone, in place of what was there.
func (u *ui) screen(text string) {
	text = strings.ReplaceAll(visible(text), "\n", "\x1b[K\n")
	_, _ = io.WriteString(u.out, "\x1b[H"+text+"\x1b[J")
}

// clear empties the terminal before the first screen.
func (u *ui) clear() { _, _ = io.WriteString(u.out, "\x1b[H\x1b[2J") }

// ask asks a person, who has to answer yes. Nobody there, or Ctrl-C, is no.
func (u *ui) ask(ctx context.Context, question string) (bool, error) {
	u.still()
	_, _ = fmt.Fprintf(u.err, "%s [y/N] ", visible(question))
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

// agreed asks unless the person has said yes on the command line. Where nobody
// can be asked it is a usage error, so that no script goes on by accident.
func (u *ui) agreed(ctx context.Context, yes bool, question string) error {
	switch {
	case yes:
		return nil
	case !u.asks:
		return usage("add --yes to agree", "nobody can be asked here: %s", question)
	}
	ok, err := u.ask(ctx, question)
	if err == nil && !ok {
		u.note("nothing was done")
		return exitError(exitFailed)
	}
	return err
}

// short writes the home directory as ~.
func (u *ui) short(text string) string {
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

// every calls f now and then every step, until ctx ends.
func every(ctx context.Context, step time.Duration, f func()) {
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
