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
type CopyError struct{ KeyID, Path string }

// Error names the shortened id and the file.
func (e *CopyError) Error() string {
	return fmt.Sprintf("%s is also in %s, which this keyd does not read: it would stop working there", credfile.Short(e.KeyID), e.Path)
}

// Hint says how to arrange the files so that keyd can change the key
// everywhere.
func (e *CopyError) Hint() string {
	return "give " + e.Path + " its own key, or make it a symbolic link to the file that keyd reads"
}

// CopyErr returns a CopyError when a known foreign file also shows the key,
// and nil otherwise.
func (f *Facts) CopyErr(id string) error {
	if path := f.Copies[id]; path != "" {
		return &CopyError{id, path}
	}
	return nil
}

// BlockForCopy blocks any step that would take a key away from a file that this
// process cannot write.
func BlockForCopy(err error, now time.Time) Decision {
	return BlockUntil(now.Add(RecheckEvery), err.Error(), Hint(err))
}

// knownFiles returns the existing credentials and config files that keyd has
// learned of: those that this user's other processes have read, where
// AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named them, and the default
// files. Files that keyd was never shown are not among them.
func (d *Rotator) knownFiles(status Status) []string {
	paths := []string{}
	for _, path := range slices.Concat(status.Files, d.OtherFiles) {
		if !slices.Contains(paths, path) && d.Store.MayExist(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// filesToRemember returns the files for the status: the known files and those
// that this process reads.
func (d *Rotator) filesToRemember(status Status) []string {
	paths := d.knownFiles(status)
	for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config} {
		if abs, err := filepath.Abs(path); err == nil && path != "" && !slices.Contains(paths, abs) {
			paths = append(paths, abs)
		}
	}
	for _, path := range status.Files { // the file's disk may not be mounted now
		if !slices.Contains(paths, path) && !d.Store.MayExist(path) && !d.Store.MayExist(filepath.Dir(path)) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// foreignFile is a known file that this process does not read.
type foreignFile struct {
	path string
	file *credfile.File
}

// readForeign reads the known files that this process does not otherwise read,
// once in a pass. It skips files that cannot be read now.
func (d *Rotator) readForeign(status Status) []foreignFile {
	var others []foreignFile
	for _, path := range d.knownFiles(status) {
		if d.Store.HasFile(path) {
			continue
		}
		if text, err := atomicfile.Peek(d.Sys, path); err == nil {
			others = append(others, foreignFile{path, credfile.Lex(path, credfile.Credentials, text)})
		}
	}
	return others
}

// anyShows reports whether one of the files shows the key id.
func anyShows(files []foreignFile, id string) bool {
	return slices.ContainsFunc(files, func(f foreignFile) bool { return f.file.MayHold(id) })
}

// noteCopies notes in each target which of its ids the foreign files show. To
// by it adds the profiles of the other keys in those files.
func (w *world) noteCopies(files []foreignFile, by map[string]string) {
	for _, f := range files {
		for _, p := range credfile.Profiles(f.file, nil) {
			if id := p.Key.ID; id != "" && by[id] == "" {
				by[id] = p.Name + " in " + f.path
			}
		}
		for _, t := range w.targets {
			t.noteCopy(f)
		}
	}
}

// noteCopy notes the target's ids that the file shows.
func (t *target) noteCopy(f foreignFile) {
	ids := []string{t.facts.ID}
	if r := t.facts.Rotation; r != nil {
		ids = append(ids, r.New.ID)
	}
	for _, id := range ids {
		if t.facts.Copies[id] != "" || !f.file.MayHold(id) {
			continue
		}
		if t.facts.Copies == nil {
			t.facts.Copies = map[string]string{}
		}
		t.facts.Copies[id] = f.path
	}
}
