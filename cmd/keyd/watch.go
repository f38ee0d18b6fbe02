package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"keyd/daemon/state"
)

const (
	// watchEvery is how often the table is made again.
	watchEvery = time.Second
	// resizeEvery is how soon it follows the size of the window.
	resizeEvery = 200 * time.Millisecond
)

// watchStatus shows the table on a screen of its own until Ctrl-C, which is the normal way to
// end it. What the terminal showed before is there again afterwards.
func (a *app) watchStatus(ctx context.Context, names []string, o statusOptions) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	a.term.openScreen()
	defer a.term.closeScreen()
	drawn := time.Time{}
	runEvery(ctx, resizeEvery, func() {
		if resized := a.term.measureSize(); !resized && time.Since(drawn) < watchEvery {
			return
		}
		drawn = time.Now()
		r, err := a.buildReport(ctx, names, state.LoadStatus)
		if err != nil {
			a.term.redrawScreen(wrapText("keyd: error: "+a.term.shortenHome(stripPackages(cell(err.Error()))), a.term.width))
			return
		}
		if o.needsMe {
			r.keepNeedy()
		}
		a.term.redrawScreen(a.term.fitScreen(r))
	})
	if interrupted, ok := errors.AsType[*interruptedError](context.Cause(ctx)); ok && interrupted.signal != os.Interrupt {
		return interrupted
	}
	return nil
}

// fitScreen returns the lines of the status that the window has room for. How many keys there
// are, and whether a daemon runs, is always among them.
func (t *terminal) fitScreen(r *report) []string {
	var below strings.Builder
	t.writeDetails(&below, r)
	t.writeRemarks(&below, r)
	table, details, end := []string{"no key needs you"}, splitLines(below.String()), append([]string{""}, splitLines(t.formatEnd(r))...)
	if len(r.Keys) > 0 {
		table = t.tableLines(r)
	}
	room := t.height - t.countRows(end)
	if t.countRows(table)+t.countRows(details) > room {
		least := min(t.countRows(details), room/2) // the keys that need a person come first in both
		table = t.cutLines(table, room-least, "key")
		details = t.cutLines(details, room-t.countRows(table), "line")
	}
	return append(append(table, details...), end...)
}

// cutLines keeps as many lines as fit into so many rows, and says how many it left out.
func (t *terminal) cutLines(lines []string, rows int, thing string) []string {
	switch {
	case t.countFitting(lines, rows) == len(lines):
		return lines
	case rows < 1:
		return nil
	}
	kept := lines[:t.countFitting(lines, rows-1)]
	more := plural(len(lines)-len(kept), "%s more "+thing, "%s more "+thing+"s")
	return append(kept[:len(kept):len(kept)], t.dim(cutEnd("… "+more+", for which this window is too low", t.width)))
}

// countRows returns how many rows of the window the lines take.
func (t *terminal) countRows(lines []string) (rows int) {
	for _, line := range lines {
		rows += t.rowsOf(line)
	}
	return rows
}

// countFitting returns how many of the first lines fit into so many rows.
func (t *terminal) countFitting(lines []string, rows int) int {
	for i, line := range lines {
		if rows -= t.rowsOf(line); rows < 0 {
			return i
		}
	}
	return len(lines)
}

// rowsOf returns how many rows a line takes: the terminal breaks one that is wider.
func (t *terminal) rowsOf(line string) int {
	return max(1, (countColumns(stripColours(line))+t.width-1)/max(t.width, 1))
}

// splitLines splits a text into lines without their ends.
func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
