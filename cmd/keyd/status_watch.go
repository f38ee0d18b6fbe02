package main

import (
	"context"
	"strings"
	"syscall"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const (
	// watchEvery is how often the table is made again.
	watchEvery = time.Second
	// resizeEvery is how soon it follows the size of the window.
	resizeEvery = 200 * time.Millisecond
)

// watchStatus shows the table on a screen of its own until Ctrl-C, which is the normal way to
// end it. The terminal shows again what it showed before when the command has ended, and while the
// person has stopped it with Ctrl-Z. In the background it shows nothing.
func (a *app) watchStatus(ctx context.Context, names []string, o statusOptions) error {
	ctx, stop := untilSignal(ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	job := followJobs()
	defer job.end()
	screen := watchScreen{app: a, names: names, options: o}
	defer screen.close()
	tick := time.NewTicker(resizeEvery)
	defer tick.Stop()
	for ctx.Err() == nil && !a.term.isGone() {
		screen.show(ctx)
		select {
		case <-tick.C:
		case <-job.stops:
			screen.close()
			job.suspend()
		case <-job.continues: // it was stopped in another way, and the shell has written over the screen
			screen.close()
		case <-ctx.Done():
		}
	}
	return endOfFollowing(ctx)
}

// watchScreen is the screen on which keyd status --watch draws.
type watchScreen struct {
	*app
	names   []string
	options statusOptions
	open    bool
	drawn   time.Time
}

// close brings back what the terminal showed before.
func (w *watchScreen) close() {
	if w.open {
		w.term.closeScreen()
		w.open = false
	}
}

// show draws the table when it is time for that, or the window has changed.
func (w *watchScreen) show(ctx context.Context) {
	if !w.term.inForeground() {
		w.open = false // the shell has the terminal
		return
	}
	if resized := w.term.measureSize(); w.open && !resized && time.Since(w.drawn) < watchEvery {
		return
	}
	if !w.open {
		w.term.openScreen()
		w.open = true
	}
	w.drawn = time.Now()
	r, err := w.buildReport(ctx, w.names, state.LoadStatus)
	if err != nil {
		text := "keyd: error: " + w.term.shortenHome(stripPackages(layout.Cell(err.Error())))
		w.term.redrawScreen(w.term.cutLines(layout.Wrap(text, w.term.width), w.term.height, "line"))
		return
	}
	if w.options.needsMe {
		r.keepNeedy()
	}
	w.term.redrawScreen(w.term.fitScreen(r))
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
	lines := append(append(table, details...), end...)
	if t.countRows(lines) > t.height { // in a window of a few rows, how many keys need a person comes first
		lines = end[1:]
		lines = lines[:max(t.countFitting(lines, t.height), 1)]
		if t.countRows(lines) > t.height {
			lines = []string{layout.CutEnd(layout.StripColours(lines[0]), t.width)}
		}
	}
	return lines
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
	more := settings.FormatCount(len(lines)-len(kept), "more "+thing, "more "+thing+"s")
	return append(kept[:len(kept):len(kept)], t.dim(layout.CutEnd("… "+more+", for which this window is too low", t.width)))
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
	return max(1, (layout.CountColumns(layout.StripColours(line))+t.width-1)/max(t.width, 1))
}

// splitLines splits a text into lines without their ends.
func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
