package rotate

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// foreignFile is a known file that this process does not read.
type foreignFile struct {
	path string
	file *credfile.File
}

// readForeign reads the known files that this process does not otherwise read: neither as
// AWS files nor as linked ones. It skips files that cannot be read now.
func (d *Rotator) readForeign(status state.Status, store *credfile.Store) []foreignFile {
	var others []foreignFile
	for _, path := range d.knownFiles(status) {
		if d.Store.HasFile(path) || slices.ContainsFunc(store.Links, func(l credfile.Link) bool { return l.Path == path }) {
			continue
		}
		if text, err := atomicfile.Peek(d.Sys, path); err == nil {
			others = append(others, foreignFile{path, credfile.Lex(path, credfile.Credentials, text)})
		}
	}
	return others
}

// knownFiles returns the existing credentials and config files that keyd has
// learned of: those that this user's other processes have read, where
// AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named them, and the default
// files. Files that keyd was never shown are not among them.
func (d *Rotator) knownFiles(status state.Status) []string {
	paths := []string{}
	for _, path := range slices.Concat(status.Files, d.OtherFiles) {
		if !slices.Contains(paths, path) && d.Store.MayExist(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// filesToRemember returns the files for the status: the known files and those
// that this process reads. A link is remembered with the file that it leads to, because a
// person may point it to another one.
func (d *Rotator) filesToRemember(status state.Status) []string {
	paths := d.knownFiles(status)
	for _, path := range []string{d.Store.Paths.Credentials, d.Store.Paths.Config} {
		abs, err := filepath.Abs(path)
		if err != nil || path == "" {
			continue
		}
		if !slices.Contains(paths, abs) {
			paths = append(paths, abs)
		}
		if real, err := atomicfile.Resolve(d.Sys, abs); err == nil && !slices.Contains(paths, real) {
			paths = append(paths, real)
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
		if f.file.MayHold(id) {
			t.addCopy(id, f.path)
		}
	}
}

// ElsewhereError reports a rotation in a file that this process does not read.
// The rotation began where AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named
// another file.
type ElsewhereError struct {
	KeyID, Path string         // the id of the old key, and the file that showed it
	Reads       credfile.Paths // the files that this process reads
}

// Error names the key, its file, and the files that this process reads instead.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%s is being rotated in %s, but this keyd reads %s and %s: it is left alone", credfile.Short(e.KeyID), e.Path, e.Reads.Credentials, e.Reads.Config)
}

// Hint says how to make keyd read that file again.
func (e *ElsewhereError) Hint() string {
	return "set AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE as they were when the rotation began; unset them if they were not set"
}

// OriginError reports a rotation that began at other endpoints than those that this
// process asks. The endpoint that answers here knows nothing of the new key. Believing
// it would end the rotation while both keys still exist at the other one.
type OriginError struct {
	KeyID    string           // the id of the old key
	Origin   remote.Endpoints // where the rotation began
	Asks     remote.Endpoints // where this process would continue
	HintText string
}

// Error names the key and both places.
func (e *OriginError) Error() string {
	return fmt.Sprintf("the rotation of %s began at %s, and this keyd is pointed to %s: nothing was changed", credfile.Short(e.KeyID), describeEndpoints(e.Origin), describeEndpoints(e.Asks))
}

// Hint says how to point keyd to that place again.
func (e *OriginError) Hint() string { return e.HintText }

// describeEndpoints returns who answers at the endpoints.
func describeEndpoints(e remote.Endpoints) string {
	return cmp.Or(iam.CustomEndpoints(e), "AWS (partition "+e.Partition+")")
}

// checkOrigin returns an *OriginError unless the calls of t go where its rotation
// began. The journal of an old keyd does not say where that was.
func (d *Rotator) checkOrigin(r *journal.Rotation, t *target) error {
	began, asks := iam.CustomEndpoints(r.Endpoints), iam.CustomEndpoints(t.endpoints)
	if r.Endpoints.Partition == "" || began == asks && (r.Endpoints.Partition == t.endpoints.Partition || began != "") {
		return nil
	}
	err := &OriginError{KeyID: r.Old.ID, Origin: r.Endpoints, Asks: t.endpoints}
	switch {
	case began == "" && asks != "":
		err.HintText = d.endpointRemedy(t)
	case began == asks:
		err.HintText = fmt.Sprintf("set region in profile %s to a region of partition %s again", t.facts.Profiles[0], r.Endpoints.Partition)
	case r.Endpoints.IAMURL == r.Endpoints.STSURL:
		err.HintText = "set AWS_ENDPOINT_URL=" + r.Endpoints.IAMURL + ", as when the rotation began"
	default:
		err.HintText = "set AWS_ENDPOINT_URL_IAM and AWS_ENDPOINT_URL_STS as when the rotation began: " + began
	}
	return err
}

// checkElsewhere returns an error when one of the rotation's places is in a
// file that exists and that this process does not read: the rotation cannot be
// judged then. A file that no longer exists holds no key.
func (d *Rotator) checkElsewhere(r *journal.Rotation) error {
	for _, place := range r.Places {
		if !d.Store.HasFile(place.Path) && d.Store.MayExist(place.Path) {
			return &ElsewhereError{r.Old.ID, place.Path, d.Store.Paths}
		}
	}
	return nil
}
