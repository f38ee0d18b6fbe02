package daemon

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
)

// CopyError is a key that also stands in a file that this process does not read:
// nobody would write its successor there.
type CopyError struct{ ID, Path string }

func (e *CopyError) Error() string {
	return fmt.Sprintf("%s also stands in %s, which this keyd does not read: it would stop working there", short(e.ID), e.Path)
}

// Hint says how one key comes to stand where keyd changes it everywhere.
func (e *CopyError) Hint() string {
	return "give " + e.Path + " a key of its own, or make it a link to the file that keyd reads"
}

// copyOf is a foreign file that shows a key, too; nil when none that is known does.
func (f *Facts) copyOf(id string) error {
	if path := f.Copies[id]; path != "" {
		return &CopyError{id, path}
	}
	return nil
}

// keepsCopy stops what would take a key away from a file that this process cannot
// write.
func keepsCopy(err error, now time.Time) Decision {
	return blocked(now.Add(recheck), err.Error(), Hint(err))
}

// known is the files of which keyd has heard: those that other processes of this
// user have read, where AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named
// others, and the default ones. Not known is what keyd has never been shown.
func (d *Daemon) known(status Status) []string {
	paths := []string{}
	for _, path := range slices.Concat(status.Files, d.Also) {
		if !slices.Contains(paths, path) && d.Store.Exists(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// reads is what the status remembers: the known files and those of this process.
func (d *Daemon) reads(status Status) []string {
	paths := d.known(status)
	for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config} {
		if abs, err := filepath.Abs(path); err == nil && path != "" && !slices.Contains(paths, abs) {
			paths = append(paths, abs)
		}
	}
	for _, path := range status.Files { // its disk may not be mounted now
		if !slices.Contains(paths, path) && !d.Store.Exists(path) && !d.Store.Exists(filepath.Dir(path)) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// foreign is a known file that this process does not read.
type foreign struct {
	path string
	file *credfile.File
}

// foreign reads those files, once in a pass. One that cannot be read now is passed over.
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

// showsAny reports whether one of the files shows a key.
func showsAny(files []foreign, id string) bool {
	return slices.ContainsFunc(files, func(f foreign) bool { return f.file.Stands(id) })
}

// noteCopies notes which of a key's ids foreign files show, too; and in by, whose
// the other keys there are.
func (w *world) noteCopies(files []foreign, by map[string]string) {
	for _, f := range files {
		for _, p := range credfile.Profiles(f.file, nil) {
			if id := p.Key.ID; id != "" && by[id] == "" {
				by[id] = p.Name + " in " + f.path
			}
		}
		for _, u := range w.units {
			u.noteCopy(f)
		}
	}
}

func (u *unit) noteCopy(f foreign) {
	ids := []string{u.facts.ID}
	if r := u.facts.Rotation; r != nil {
		ids = append(ids, r.New.ID)
	}
	for _, id := range ids {
		if u.facts.Copies[id] != "" || !f.file.Stands(id) {
			continue
		}
		if u.facts.Copies == nil {
			u.facts.Copies = map[string]string{}
		}
		u.facts.Copies[id] = f.path
	}
}
