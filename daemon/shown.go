package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/credfile"
)

// rereadTarget reads the files and the journal again after an action. What AWS
// said and what this pass has proven is kept.
func (d *Rotator) rereadTarget(ctx context.Context, t *target) error {
	rotations, problems := d.journalDir().Load(ctx)
	if blockingProblem(problems, t.facts.ID) != nil {
		return errors.Join(problems...)
	}
	i := slices.IndexFunc(rotations, func(r *Rotation) bool { return r.Old.ID == t.facts.ID })
	if i < 0 && t.facts.Rotation != nil { // someone removed the journal: memory holds the only copy of the new secret
		i, rotations = len(rotations), append(rotations, t.facts.Rotation)
		if err := d.journalDir().Save(t.facts.Rotation); err != nil {
			return err
		}
	}
	snapshot, err := d.readFiles(ctx, rotations)
	if err != nil {
		return err
	}
	if i < 0 {
		t.facts.Rotation, t.facts.Placement = nil, Placement{}
		return nil
	}
	reread := d.rotationTarget(rotations[i], snapshot)
	t.facts.Rotation, t.facts.Placement, t.facts.RotationErr, t.holders = reread.facts.Rotation, reread.facts.Placement, reread.facts.RotationErr, reread.holders
	if !reread.pair.IsZero() {
		t.pair = reread.pair
	}
	return nil
}

// readFiles reads the files. When the profiles of a rotation seem to be gone,
// it reads once more and waits for the new id: another program may have
// truncated the file and be about to write it.
func (d *Rotator) readFiles(ctx context.Context, rotations []*Rotation, expect ...string) (*credfile.Snapshot, error) {
	snapshot, err := d.Store.Read(ctx, expect...)
	for _, r := range rotations {
		if err != nil {
			return nil, err
		}
		if f := d.rotationTarget(r, snapshot).facts; f.Placement.Old+f.Placement.New == 0 && len(f.Placement.Foreign) == 0 && f.RotationErr == nil {
			snapshot, err = d.Store.Read(ctx, r.NewestID())
		}
	}
	return snapshot, err
}

// expectedIDs returns the ids that the files should show; a read that lacks one
// of them is not believed at once. It leaves out the ids of temporary
// credentials, which come and go, and ids that foreign files show: the process
// that saw those may read other files.
func expectedIDs(status Status, rotations []*Rotation, others []foreignFile) []string {
	var ids []string
	for _, l := range status.Keys {
		if l.KeyID != "" && l.State != StateSkipped && !anyShows(others, l.KeyID) {
			ids = append(ids, l.KeyID)
		}
	}
	for _, r := range rotations { // the files may show either id; the status has the one shown last
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == r.Old.ID || id == r.New.ID })
	}
	return ids
}

// rotationTarget returns the target of a rotation in progress, with what the
// files show of it.
func (d *Rotator) rotationTarget(r *Rotation, snapshot *credfile.Snapshot) *target {
	t := &target{facts: Facts{ID: r.Old.ID, Profiles: r.Profiles(), Rotation: r, RotationErr: d.checkElsewhere(r)}}
	t.facts.Placement.Unmounted = d.MissingFile(r)
	t.facts.Placement.Ambiguous = cmp.Or(snapshot.Ambiguous(r.New.ID), snapshot.Ambiguous(r.Old.ID))
	for _, p := range snapshot.Profiles {
		switch {
		case isTorn(r, p):
			t.facts.Placement.Old++
			t.facts.Placement.Torn++
		case p.Key.ID == r.Old.ID:
			t.facts.Placement.Old++
			t.pair = p.Key
		case p.Key.ID == r.New.ID && r.New.ID != "":
			t.facts.Placement.New++
		default:
			continue
		}
		t.holders = append(t.holders, p)
	}
	for _, place := range r.Places {
		i := slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
			return p.Path == place.Path && p.Section == place.Section
		})
		switch {
		case i < 0 || snapshot.Profiles[i].Key.ID == "":
			t.facts.Placement.Missing = append(t.facts.Placement.Missing, place.Profile)
		case isTorn(r, snapshot.Profiles[i]):
		case snapshot.Profiles[i].Key.ID != r.Old.ID && snapshot.Profiles[i].Key.ID != r.New.ID:
			t.facts.Placement.Foreign = append(t.facts.Placement.Foreign, place.Profile)
		}
	}
	return t
}

// isTorn reports whether a profile shows half of the old pair and half of the
// new one. That happens when a power failure or a full disk cuts a write in
// place short.
func isTorn(r *Rotation, p credfile.Profile) bool {
	return p.Skip == credfile.Rotatable && p.Key.IsMixtureOf(r.Old, r.New)
}

// MissingFile returns the first file of the rotation that does not exist, or ""
// when all exist. The file was removed, or its disk is not mounted.
func (d *Rotator) MissingFile(r *Rotation) string {
	for _, place := range r.Places {
		if !d.Store.MayExist(place.Path) {
			return place.Path
		}
	}
	return ""
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

// checkElsewhere returns an error when one of the rotation's places is in a
// file that exists and that this process does not read: the rotation cannot be
// judged then. A file that no longer exists holds no key.
func (d *Rotator) checkElsewhere(r *Rotation) error {
	for _, place := range r.Places {
		if !d.Store.HasFile(place.Path) && d.Store.MayExist(place.Path) {
			return &ElsewhereError{r.Old.ID, place.Path, d.Store.Paths}
		}
	}
	return nil
}
