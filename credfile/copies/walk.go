package copies

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// search is one search in progress.
type search struct {
	ctx    context.Context
	o      Options
	m      *matcher
	mounts map[string]mount // by the folder that they are mounted on; nil: unknown
	own    []fs.FileInfo    // the files of Options.Own
	ownDir map[string]bool  // the folders of Options.Own
	inside []string         // the roots, resolved
	files  atomic.Int64
	bytes  atomic.Int64
	gaps   gaps

	mu      sync.Mutex // of the fields below
	changed sync.Cond  // jobs or working changed
	jobs    []job
	room    int // how many jobs may wait
	working int // workers that may add jobs
	report  Report
	shown   map[string]string // resolved roots to roots
}

// job is a folder to search, or some of the files in one.
type job struct {
	path  string
	named bool     // a root: links in its path are followed, and its name does not matter
	dir   *folder  // an open folder whose files are to be searched; nil: the whole folder path
	files []string // their names
}

// maxJobs bounds the list of folders that wait. A worker that finds more goes into them
// itself.
const maxJobs = 1 << 15

// batch is how many names are read from a folder at a time.
const batch = 256

func newSearch(ctx context.Context, o Options, m *matcher) *search {
	s := &search{ctx: ctx, o: o, m: m, mounts: listMounts(), room: maxJobs, ownDir: map[string]bool{}, shown: map[string]string{}}
	s.changed.L = &s.mu
	for _, path := range o.Own {
		fi, err := os.Stat(path)
		switch {
		case err != nil:
		case fi.IsDir():
			s.ownDir[path] = true
			if real, err := filepath.EvalSymlinks(path); err == nil {
				s.ownDir[real] = true
			}
		default:
			s.own = append(s.own, fi)
		}
	}
	return s
}

// run searches the roots until nothing is left, or ctx ends.
func (s *search) run(roots []string) {
	named := len(s.o.Roots) > 0
	for _, root := range roots {
		if err := s.addRoot(root, named); err != nil {
			s.report.Errors = append(s.report.Errors, err.Error())
		}
	}
	also := s.o.Also
	if !named {
		also = append(listTwins(s.mounts), also...)
	}
	for _, path := range also {
		if err := s.addRoot(path, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.gaps.add(Failed, func() string { return path })
		}
	}
	defer context.AfterFunc(s.ctx, func() { s.changed.Broadcast() })()
	var workers sync.WaitGroup
	for range countWorkers(s.o.Low) {
		workers.Go(func() { s.work() })
	}
	workers.Wait()
	for _, j := range s.jobs { // ctx has ended
		if j.dir != nil {
			j.dir.release()
		}
	}
}

// addRoot adds a folder or a file that a search begins with. named is false for the home
// folder, when nobody has named it.
func (s *search) addRoot(root string, named bool) error {
	real, err := filepath.EvalSymlinks(root)
	var fi fs.FileInfo
	if err == nil {
		fi, err = os.Lstat(real)
	}
	if err != nil {
		return err
	}
	if m := mountOf(s.mounts, real); !named && m.remote {
		return errors.New(root + " is on a network file system (" + m.kind + "), and nothing in it was searched")
	}
	if !fi.IsDir() && !fi.Mode().IsRegular() {
		return errors.New(root + " is neither a file nor a folder")
	}
	s.inside, s.shown[real] = append(s.inside, real), root
	if fi.IsDir() {
		s.jobs = append(s.jobs, job{path: real, named: true})
		return nil
	}
	dir, err := openFolder(filepath.Dir(real), true)
	if err == nil {
		s.jobs = append(s.jobs, job{path: filepath.Dir(real), dir: dir, files: []string{filepath.Base(real)}})
	}
	return err
}

// show returns the path as the caller of the search knows it: below the innermost root.
func (s *search) show(path string) string {
	shown, inner := path, -1
	for real, root := range s.shown {
		if rest, ok := strings.CutPrefix(path, real); ok && (rest == "" || os.IsPathSeparator(rest[0])) && len(real) > inner {
			shown, inner = root+rest, len(real)
		}
	}
	return shown
}

// worker is what one goroutine of a search needs.
type worker struct {
	*search
	buffer []byte
	began  time.Time // when it last rested
}

// work takes jobs until none is left and no other worker can add any.
func (s *search) work() {
	w := &worker{search: s, buffer: make([]byte, bufferSize)}
	if s.o.Low {
		runtime.LockOSThread() // never unlocked: the thread, whose priority cannot be raised again, ends with the goroutine
		lowerPriority()
		w.began = time.Now()
	}
	for {
		j, ok := s.take()
		if !ok {
			return
		}
		w.do(j)
		s.mu.Lock()
		s.working--
		s.mu.Unlock()
		s.changed.Broadcast()
	}
}

// take waits for a job. It returns false when the search is over.
func (s *search) take() (job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.jobs) == 0 && s.working > 0 && s.ctx.Err() == nil {
		s.changed.Wait()
	}
	if len(s.jobs) == 0 || s.ctx.Err() != nil {
		return job{}, false
	}
	last := len(s.jobs) - 1
	j := s.jobs[last]
	s.jobs[last] = job{}
	s.jobs = s.jobs[:last]
	s.working++
	return j, true
}

// add leaves a job to whichever worker is free first. It returns false when too many wait.
func (s *search) add(j job) bool {
	s.mu.Lock()
	ok := len(s.jobs) < s.room
	if ok {
		s.jobs = append(s.jobs, j)
	}
	s.mu.Unlock()
	if ok {
		s.changed.Signal()
	}
	return ok
}

func (w *worker) do(j job) {
	if j.dir == nil {
		w.searchFolder(j.path, j.named)
		return
	}
	defer j.dir.release()
	for _, name := range j.files {
		w.searchFile(j.dir, j.path, name)
	}
}

// searchFolder searches the files in a folder, and leaves the folders in it to all workers.
func (w *worker) searchFolder(path string, named bool) {
	if w.ctx.Err() != nil || w.ownDir[path] {
		return
	}
	dir, err := openFolder(path, named)
	if err != nil {
		w.addError(err, path)
		return
	}
	defer dir.release()
	if dir.isPlaceholder() {
		w.gaps.add(Placeholder, func() string { return w.show(path) })
		return
	}
	for w.ctx.Err() == nil {
		entries, err := dir.read(batch)
		w.searchEntries(dir, path, entries, len(entries) == batch)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.addError(err, path)
			}
			return
		}
	}
}

// searchEntries searches some of what is in a folder. more says that there is more than
// these: then another worker may take their files.
func (w *worker) searchEntries(dir *folder, path string, entries []fs.DirEntry, more bool) {
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		switch kind := e.Type(); {
		case kind.IsDir():
			w.enterFolder(path, name)
		case kind&fs.ModeSymlink != 0:
			w.noteLink(dir, path, name)
		case !kind.IsRegular():
			w.gaps.add(Special, func() string { return w.show(filepath.Join(path, name)) })
		case isPlaceholder(e):
			w.gaps.add(Placeholder, func() string { return w.show(filepath.Join(path, name)) })
		default:
			if why := skipFile(name); why != "" {
				w.gaps.add(why, func() string { return w.show(filepath.Join(path, name)) })
				continue
			}
			names = append(names, name)
		}
	}
	if more && len(names) > 0 {
		dir.retain()
		if w.add(job{path: path, dir: dir, files: names}) {
			return
		}
		dir.release()
	}
	for _, name := range names {
		w.searchFile(dir, path, name)
	}
}

// enterFolder searches a folder in another one, now or later, unless it holds nothing to
// find or must not be touched.
func (w *worker) enterFolder(parent, name string) {
	path := filepath.Join(parent, name)
	why := skipFolder(parent, name)
	if m, ok := w.mounts[path]; ok && why == "" {
		why = m.gap()
	}
	if why == "" && !w.o.Ask && isProtected(w.o.Home, path) {
		why = Protected
	}
	if why != "" {
		if !slices.Contains(w.inside, path) { // a root below another root is searched as a root
			w.gaps.add(why, func() string { return w.show(path) })
		}
		return
	}
	if !w.add(job{path: path}) {
		w.searchFolder(path, false)
	}
}

// noteLink notes a link that leads out of what is searched. Links inside lead to files that
// are searched anyway.
func (w *worker) noteLink(dir *folder, path, name string) {
	target, err := os.Readlink(filepath.Join(path, name))
	if err != nil {
		return
	}
	if !filepath.IsAbs(target) {
		if !strings.Contains(target, "..") {
			return
		}
		target = filepath.Join(path, target)
	}
	for _, root := range w.inside {
		if isBelow(target, root) || isBelow(target, w.shown[root]) {
			return
		}
	}
	if isProgramPath(target) {
		return
	}
	w.gaps.add(Link, func() string { return w.show(filepath.Join(path, name)) })
}

// isBelow reports whether the path is root or below it.
func isBelow(path, root string) bool {
	root = filepath.Clean(root)
	rest, ok := strings.CutPrefix(filepath.Clean(path), root)
	return ok && (rest == "" || os.IsPathSeparator(rest[0]) || os.IsPathSeparator(root[len(root)-1]))
}

// addError notes why something could not be read. What is gone or has become something else
// meanwhile is no gap.
func (w *worker) addError(err error, path string) {
	switch {
	case errors.Is(err, fs.ErrNotExist), isChanged(err):
		return
	case errors.Is(err, fs.ErrPermission):
		w.gaps.add(Denied, func() string { return w.show(path) })
	default:
		w.gaps.add(Failed, func() string { return w.show(path) })
	}
}

// rest pauses a search of low priority for as long as it has worked.
func (w *worker) rest() {
	if !w.o.Low {
		return
	}
	if worked := time.Since(w.began); worked > restEvery {
		select {
		case <-time.After(min(worked, 10*restEvery)):
		case <-w.ctx.Done():
		}
		w.began = time.Now()
	}
}

// restEvery is how long a search of low priority works between two pauses.
const restEvery = 10 * time.Millisecond
