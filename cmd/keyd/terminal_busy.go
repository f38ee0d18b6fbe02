package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// busyLine shows on a terminal what keyd waits for, and since when, once that takes longer
// than quietFor. Where no line can be redrawn, and with -q, it shows nothing.
type busyLine struct {
	term *terminal
	now  func() time.Time

	mu    sync.Mutex // held while the next fields are used, and while a line is printed
	what  string     // "" when keyd waits for nothing
	since time.Time
	shown bool // the line is on the screen

	stop func()
}

// quietFor is how long keyd waits before it says for what.
const quietFor = 2 * time.Second

// startBusy starts to watch what keyd waits for. end stops that.
func (a *app) startBusy() *busyLine {
	b := &busyLine{term: a.term, now: a.now, stop: func() {}}
	if !a.term.hasScreen() || a.term.quiet {
		return b
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runEvery(ctx, 500*time.Millisecond, b.draw)
	}()
	b.stop = sync.OnceFunc(func() { cancel(); <-ended; b.wait("") })
	return b
}

// wait notes what keyd waits for from now on, "" for nothing. It may be called side by side:
// the last one is shown.
func (b *busyLine) wait(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if what == b.what {
		return
	}
	b.what, b.since = what, b.now()
	if b.shown {
		b.term.clearLine()
		b.shown = false
	}
}

// draw shows the line when it is time for it.
func (b *busyLine) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if waited := b.now().Sub(b.since); b.what != "" && waited >= quietFor {
		b.term.redrawLine(fmt.Sprintf("  %s  %s", b.what, formatElapsed(waited.Truncate(time.Second))))
		b.shown = true
	}
}

// aside prints with print, while no other goroutine does.
func (b *busyLine) aside(print func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	print()
	b.shown = false
	b.since = b.now() // what was printed tells more
}
