package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"keyd/credfile/atomicfile"
)

const (
	debounce = 150 * time.Millisecond // a save is several events: one look is enough
	slowPoll = time.Minute            // for what no event tells: network drives, a full inotify
)

// Change is what a Watch saw.
type Change struct {
	Path string // the file that changed, as it was asked for
	Slow error  // or why changes may from now on be seen up to a minute late
}

// Watch tells when one of the files at paths changes, appears, goes, or is
// another file because a symbolic link was pointed elsewhere. A change is told
// about 150 ms after the last event of a burst. Reading the file soon after may
// still find it half written: that is for a stable read to notice.
//
// Directories are watched, because a file that is replaced by rename takes the
// watch with it: that of every name and of every link on the way. A directory
// that is not there yet is waited for from the nearest one that is. All files
// are also read and compared once a minute, which is all that is left where the
// system has no more watches to give; that is told once, as Slow.
//
// Not guaranteed: that a change which was undone within a moment is told.
// The channel is closed some time after ctx ends.
func Watch(ctx context.Context, paths []string) <-chan Change {
	w := &watch{sys: atomicfile.OS{}, paths: absolute(paths), seen: map[string]imprint{}, dirs: map[string]bool{}, out: make(chan Change, len(paths)+1)}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.slow(err)
	}
	w.events = events
	w.arm()
	w.compare(false)
	go w.run(ctx)
	return w.out
}

// watch is owned by the goroutine that runs it.
type watch struct {
	sys    atomicfile.Sys
	paths  []string
	events *fsnotify.Watcher // nil: poll only
	dirs   map[string]bool   // being watched
	names  []string          // whose events matter: the files, and the links on the way to them
	seen   map[string]imprint
	told   bool // Slow was sent
	out    chan Change
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.events != nil {
		defer w.events.Close()
		events, failures = w.events.Events, w.events.Errors
	}
	poll := time.NewTicker(slowPoll)
	defer poll.Stop()
	var burst <-chan time.Time // nil: no event since the last look
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				events = nil
			} else if w.matters(e) && burst == nil {
				burst = time.After(debounce)
			}
		case err, ok := <-failures:
			if !ok {
				failures = nil
			} else if burst = time.After(debounce); !errors.Is(err, fsnotify.ErrEventOverflow) { // which only missed something
				w.slow(err)
			}
		case <-burst:
			burst = nil
			w.look()
		case <-poll.C:
			w.look()
		}
	}
}

// look finds the way to the files again, and which of them are others now.
func (w *watch) look() {
	w.arm()
	w.compare(true)
}

// matters reports whether an event can be about one of the files. A new mode
// alone is none. Names are compared as systems do that know no case.
func (w *watch) matters(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	return e.Op != fsnotify.Chmod && (w.dirs[name] || slices.ContainsFunc(w.names, func(n string) bool { return strings.EqualFold(n, name) }))
}

// arm watches every directory from which a change can come, and no other. It
// is done again after every change: links move, and directories are born.
func (w *watch) arm() {
	dirs := map[string]bool{}
	w.names = nil
	for _, path := range w.paths {
		for _, name := range trail(w.sys, path) {
			w.names = append(w.names, name)
			dirs[filepath.Dir(name)] = true
		}
	}
	if w.events == nil {
		return
	}
	for dir := range w.dirs {
		if !dirs[dir] {
			_ = w.events.Remove(dir) // gone with its directory, most often
			delete(w.dirs, dir)
		}
	}
	for dir := range dirs {
		w.add(dir)
	}
}

// add watches a directory, again too: one that was removed and made anew has
// the old name and no watch.
func (w *watch) add(dir string) {
	switch err := w.events.Add(dir); {
	case err == nil:
		w.dirs[dir] = true
	case w.exists(dir): // else it went between two looks, and its parent tells
		w.slow(fmt.Errorf("%s: %w", dir, err))
	}
}

func (w *watch) exists(name string) bool {
	_, err := w.sys.Lstat(name)
	return err == nil
}

// slow says once that only the minutely look is left.
func (w *watch) slow(err error) {
	if !w.told {
		w.told = true
		w.out <- Change{Slow: err} // there is room for one
	}
}
