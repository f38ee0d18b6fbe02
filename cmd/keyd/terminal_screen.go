package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"keyd/cmd/keyd/layout"
)

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

// redrawLine prints a line in place of the one it printed before. Standard output
// must be a terminal.
func (t *terminal) redrawLine(line string) {
	printing.Lock()
	defer printing.Unlock()
	_ = t.measureSize()
	_, _ = io.WriteString(t.out, "\r"+layout.CutEnd(layout.Escape(line), t.width-1)+"\x1b[K")
	t.live = true
}

// clearLine is eraseLine for callers that print nothing in its place.
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
		line = layout.EscapeLayout(t.nameCommands(line))
		b.WriteString(line)
		if n := layout.CountColumns(layout.StripColours(line)); n == 0 || n%max(t.width, 1) != 0 {
			b.WriteString("\x1b[K")
		}
	}
	_, _ = io.WriteString(t.out, b.String())
}
