package daemon

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
)

// CopyError reports a key that is also in a file that this process does not
// read, so that its successor would not be written there.
type CopyError struct{ ID, Path string }

// Error names the shortened id and the file.
func (e *CopyError) Error() string {
	return fmt.Sprintf("%s is also in %s, which this keyd does not read: it would stop working there", credfile.Short(e.ID), e.Path)
}

// Hint says how to arrange the files so that keyd can change the key
// everywhere.
func (e *CopyError) Hint() string {
	return "give " + e.Path + " its own key, or make it a symbolic link to the file that keyd reads"
}

// CopyErr returns a CopyError when a known foreign file also shows the key,
// and nil otherwise.
func (f *Facts) copyOf(id string) error {
	if path := f.Copies[id]; path != "" {
		return &CopyError{id, path}
	}
	return nil
}

// BlockForCopy blocks any step that would take a key away from a file that this
// process cannot write.
func keepsCopy(err error, now time.Time) Decision {
	return blocked(now.Add(recheck), err.Error(), Hint(err))
}

// knownFiles returns the existing credentials and config files that keyd has
// learned of: those that this user's other processes have read, where
// AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named them, and the default
// files. Files that keyd was never shown are not among them.
func (d *Daemon) known(status Status) []string {
	paths := []string{}
	for _, path := range slices.Concat(status.Files, d.Also) {
		if !slices.Contains(paths, path) && d.Store.Exists(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// filesToRemember returns the files for the status: the known files and those
// that this process reads.
func (d *Daemon) reads(status Status) []string {
	paths := d.known(status)
	for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config} {
		if abs, err := filepath.Abs(path); err == nil && path != "" && !slices.Contains(paths, abs) {
			paths = append(paths, abs)
		}
	}
	for _, path := range status.Files { // the file's disk may not be mounted now
		if !slices.Contains(paths, path) && !d.Store.Exists(path) && !d.Store.Exists(filepath.Dir(path)) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// foreignFile is a known file that this process does not read.
type foreign struct {
	path string
	file *credfile.File
}

// readForeign reads the known files that this process does not otherwise read,
// once in a pass. It skips files that cannot be read now.
func (d *Daemon) foreign(status Status) []foreign {
	var others []foreign
	for _, path := range d.known(status) {
		if d.Store.Reads(path) {
			continue
		}
		if text, err := atomicfile.Peek(d.Sys, path); err == nil {
			others = append(others, foreign{path, credfile.Lex(path, credfile.Credentials, text)})
		}
	}
	return others
}

// anyShows reports whether one of the files shows the key id.
func showsAny(files []foreign, id string) bool {
	return slices.ContainsFunc(files, func(f foreign) bool { return f.file.Stands(id) })
}

// noteCopies notes in each target which of its ids the foreign files show. To
// by it adds the profiles of the other keys in those files.
func (w *world) noteCopies(files []foreign, by map[string]string) {
	for _, f := range files {
		for _, p := range credfile.Profiles(f.file, nil) {
			if id := p.Key.ID; id != "" && by[id] == "" {
				by[id] = p.Name + " in " + f.path
			}
		}
		for _, t := range w.units {
			t.noteCopy(f)
		}
	}
}

// noteCopy notes the target's ids that the file shows.
func (t *unit) noteCopy(f foreign) {
	ids := []string{t.facts.ID}
	if r := t.facts.Rotation; r != nil {
		ids = append(ids, r.New.ID)
	}
	for _, id := range ids {
		if t.facts.Copies[id] != "" || !f.file.Stands(id) {
			continue
		}
		if t.facts.Copies == nil {
			t.facts.Copies = map[string]string{}
		}
		t.facts.Copies[id] = f.path
	}
}
