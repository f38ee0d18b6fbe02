// Package watch reports that one of a few files changed, whichever way a program changed
// it: see Files. It says that a file changed and not what changed, because the receiver
// reads the file anyway.
package watch

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
	debounce  = 150 * time.Millisecond // saving a file causes several events; one check is enough
	pollEvery = time.Minute            // for changes without events: network drives, a full inotify
)

// Change is one report of Files. Exactly one field is set.
type Change struct {
	Path       string // the absolute path of the file that changed
	SlowReason error  // why changes may be noticed up to a minute late from now on
}

// Files reports when one of the files at paths changes, appears, disappears, or becomes
// another file because a symbolic link now points elsewhere. It reports a change about
// 150 ms after the first event of a burst. A program that reads the file then may still
// find it half written, and needs a stable read to notice that.
//
// Files watches folders and not files, because a watch on a file follows the file when
// another one replaces it by rename. It watches the folder of every file and of every
// symbolic link on the way to it. When such a folder does not exist yet, it watches the
// nearest parent that does. It also reads and compares all files once a minute. If the
// system has no watches left, only that remains; Files reports this once, as SlowReason.
//
// more returns further paths, which are watched as well; nil means none. It is asked again
// after each change of a file, and once a minute. A file that it names for the first time
// is not reported for that.
//
// Not guaranteed: that a change is reported that was undone within a moment. Files
// closes the channel some time after ctx ends.
func Files(ctx context.Context, paths []string, more func() []string) <-chan Change {
	w := &fileWatcher{sys: atomicfile.OS{}, fixed: paths, more: more, digests: map[string]fileDigest{}, dirs: map[string]bool{}, out: make(chan Change, len(paths)+1)}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.reportSlow(err)
	}
	w.events = events
	w.watchFolders()
	w.compareFiles()
	go w.run(ctx)
	return w.out
}

// absolutePaths returns paths as absolute paths, without empty and repeated ones.
func absolutePaths(paths []string) []string {
	var all []string
	for _, p := range paths {
		if full, err := filepath.Abs(p); p != "" && err == nil && !slices.Contains(all, full) {
			all = append(all, full)
		}
	}
	return all
}

// fileWatcher is owned by the goroutine that runs it.
type fileWatcher struct {
	sys           atomicfile.Sys
	fixed         []string              // the paths that are always watched
	more          func() []string       // names further paths; may be nil
	paths         []string              // all of them, now
	events        *fsnotify.Watcher     // nil: poll only
	dirs          map[string]bool       // the folders being watched
	relevantNames []string              // the files, and the symbolic links on the way to them
	digests       map[string]fileDigest // the last known digest of each file, by path
	slowSent      bool                  // a SlowReason was sent
	out           chan Change
}

// run reports changes until ctx ends.
func (w *fileWatcher) run(ctx context.Context) {
	defer close(w.out)
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.events != nil {
		defer w.events.Close()
		events, failures = w.events.Events, w.events.Errors
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var burst <-chan time.Time // nil: no event since the last check
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				events = nil
			} else if w.isRelevant(e) && burst == nil {
				burst = time.After(debounce)
			}
		case err, ok := <-failures:
			if !ok {
				failures = nil
			} else if burst = time.After(debounce); !errors.Is(err, fsnotify.ErrEventOverflow) { // an overflow only lost events
				w.reportSlow(err)
			}
		case <-burst:
			burst = nil
			w.checkFiles()
		case <-poll.C:
			w.checkFiles()
		}
	}
}

// checkFiles follows the links to the files again, and reports which files changed. What
// such a change names is watched before the change is reported: whoever then reads those
// files learns of every later change. A report is dropped when the channel is full: unread
// reports already cause a pass.
func (w *fileWatcher) checkFiles() {
	var changed []string
	for range maxChecks {
		w.watchFolders()
		now := w.compareFiles()
		if changed = append(changed, now...); len(now) == 0 || w.more == nil {
			break
		}
	}
	slices.Sort(changed)
	for _, path := range slices.Compact(changed) {
		select {
		case w.out <- Change{Path: path}:
		default:
		}
	}
}

// maxChecks bounds how often files are compared that a program keeps writing.
const maxChecks = 4

// isRelevant reports whether an event can concern one of the files. A change of mode
// alone does not. Names are compared without regard to case, because some file systems
// ignore it.
func (w *fileWatcher) isRelevant(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	return e.Op != fsnotify.Chmod && (w.dirs[name] || slices.ContainsFunc(w.relevantNames, func(n string) bool { return strings.EqualFold(n, name) }))
}

// watchFolders watches exactly the folders in which a change can occur. It is called
// again after every change, because links are moved and folders created.
func (w *fileWatcher) watchFolders() {
	w.paths = absolutePaths(w.fixed)
	if w.more != nil {
		w.paths = absolutePaths(slices.Concat(w.fixed, w.more()))
	}
	dirs := map[string]bool{}
	w.relevantNames = nil
	for _, path := range w.paths {
		for _, name := range atomicfile.LinkChain(w.sys, path) {
			w.relevantNames = append(w.relevantNames, name)
			dirs[filepath.Dir(name)] = true
		}
	}
	if w.events == nil {
		return
	}
	for dir := range w.dirs {
		if !dirs[dir] {
			_ = w.events.Remove(dir) // usually it is gone together with the folder
			delete(w.dirs, dir)
		}
	}
	for dir := range dirs {
		w.addFolder(dir)
	}
}

// addFolder watches a folder, even one that is already being watched: after a folder was
// removed and created again, the new one has the same name and no watch.
func (w *fileWatcher) addFolder(dir string) {
	switch err := w.events.Add(dir); {
	case err == nil:
		w.dirs[dir] = true
	case w.nameExists(dir): // otherwise the folder has just been removed, and its parent has an event
		w.reportSlow(fmt.Errorf("%s: %w", dir, err))
	}
}

// nameExists reports whether there is a file or folder called name.
func (w *fileWatcher) nameExists(name string) bool {
	_, err := w.sys.Lstat(name)
	return err == nil
}

// reportSlow reports, once, that changes are only found by the check every minute.
func (w *fileWatcher) reportSlow(err error) {
	if !w.slowSent {
		w.slowSent = true
		w.out <- Change{SlowReason: err} // out has room for it
	}
}
