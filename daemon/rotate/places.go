package rotate

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// rereadTarget reads the files and the journal again after an action. What AWS
// said and what this pass has proven is kept.
func (d *Rotator) rereadTarget(ctx context.Context, t *target) error {
	rotations, problems := d.JournalDir().Load(ctx)
	if blockingProblem(problems, t.facts.ID) != nil {
		return errors.Join(problems...)
	}
	i := slices.IndexFunc(rotations, func(r *journal.Rotation) bool { return r.Old.ID == t.facts.ID })
	if i < 0 && t.facts.Rotation != nil { // someone removed the journal: memory holds the only copy of the new secret
		i, rotations = len(rotations), append(rotations, t.facts.Rotation)
		if err := d.JournalDir().Save(t.facts.Rotation); err != nil {
			return err
		}
	}
	_, rotating, err := d.readFiles(ctx, rotations)
	if err != nil {
		return err
	}
	if i < 0 {
		t.setRotation(nil, decide.Placement{})
		return nil
	}
	t.adoptReread(rotating[i])
	return nil
}

// readFiles reads the files, and returns the target of each rotation with what they show
// of it. When ids of expect are missing, or the profiles of
// rotations seem to be gone, it waits once for all of them: another program may have
// truncated the file and be about to write it. A pass does not wait again for ids that
// it has waited for in vain.
func (d *Rotator) readFiles(ctx context.Context, rotations []*journal.Rotation, expect ...string) (snapshot *credfile.Snapshot, rotating []*target, err error) {
	store := d.linkedStore(rotations...)
	if snapshot, err = d.awaitIDs(ctx, store, expect); err != nil {
		return nil, nil, err
	}
	rotating = d.rotationTargets(rotations, snapshot)
	var gone []string
	for _, t := range rotating {
		f := t.facts
		shown := f.Placement.Old+f.Placement.New > 0 || f.Placement.OnlyLinks(f.Rotation) || len(f.Placement.Foreign) > 0
		if !shown && !f.Rotation.IsRetirement() && f.RotationErr == nil {
			gone = append(gone, f.Rotation.NewestID())
		}
	}
	if len(gone) == 0 || d.guard != nil && !slices.ContainsFunc(gone, func(id string) bool { return !d.guard.missed[id] }) {
		return snapshot, rotating, nil
	}
	if snapshot, err = d.awaitIDs(ctx, store, gone); err != nil {
		return nil, nil, err
	}
	return snapshot, d.rotationTargets(rotations, snapshot), nil
}

// awaitIDs reads the files, and waits for ids that they do not show.
func (d *Rotator) awaitIDs(ctx context.Context, store *credfile.Store, ids []string) (*credfile.Snapshot, error) {
	if d.guard == nil {
		return store.Read(ctx, ids...)
	}
	snapshot, err := store.Read(ctx, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return d.guard.missed[id] })...)
	if err != nil {
		return nil, err
	}
	shown := map[string]bool{}
	for _, p := range snapshot.Profiles {
		shown[p.Key.ID] = true
	}
	for _, id := range ids {
		d.guard.missed[id] = !shown[id]
	}
	return snapshot, nil
}

// expectedIDs returns the ids that the files should show; a read that lacks one
// of them is not believed at once. It leaves out the ids of temporary
// credentials, which come and go, and ids that foreign files show: the process
// that saw those may read other files.
func expectedIDs(status state.Status, rotations []*journal.Rotation, others []foreignFile) []string {
	var ids []string
	for _, l := range status.Keys {
		if l.KeyID != "" && l.State != decide.StateSkipped && !anyShows(others, l.KeyID) {
			ids = append(ids, l.KeyID)
		}
	}
	for _, r := range rotations { // the files may show either id; the status has the one shown last
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == r.Old.ID || id == r.New.ID })
	}
	return ids
}

// rotationTargets returns the target of each rotation, in order.
func (d *Rotator) rotationTargets(rotations []*journal.Rotation, snapshot *credfile.Snapshot) []*target {
	targets := make([]*target, len(rotations))
	for i, r := range rotations {
		targets[i] = d.rotationTarget(r, snapshot)
	}
	return targets
}

// rotationTarget returns the target of a rotation in progress, with what the
// files show of it.
func (d *Rotator) rotationTarget(r *journal.Rotation, snapshot *credfile.Snapshot) *target {
	t := &target{facts: decide.Facts{ID: r.Old.ID, Profiles: r.Profiles(), RotationErr: d.checkElsewhere(r)}}
	shows := decide.Placement{Ambiguous: cmp.Or(snapshot.Ambiguous(r.New.ID), snapshot.Ambiguous(r.Old.ID))}
	for _, p := range snapshot.Profiles {
		switch {
		case isTorn(r, p):
			shows.Old++
			shows.Torn++
			shows.Spoiled = shows.Spoiled || !p.Key.IsMixtureOf(r.Old, r.New)
		case p.Key.ID == r.Old.ID:
			shows.Old++
			t.pair = p.Key
		case p.Key.ID == r.New.ID && r.New.ID != "" && !r.IsRetirement(): // otherwise it is another profile's own
			shows.New++
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
			shows.Missing = append(shows.Missing, place.Profile)
			if shows.Unmounted == "" && i < 0 && !t.hasMoved(place) && !d.Store.MayExist(place.Path) {
				shows.Unmounted = place.Path
			}
		case isTorn(r, snapshot.Profiles[i]):
		case snapshot.Profiles[i].Key.ID != r.Old.ID && snapshot.Profiles[i].Key.ID != r.New.ID:
			shows.Foreign = append(shows.Foreign, place.Profile)
		}
	}
	t.placeLinks(r, snapshot, &shows)
	t.setRotation(r, shows)
	return t
}

// hasMoved reports whether the profile of a place shows a key of the rotation in another file:
// a person has moved it there, perhaps with the whole home folder.
func (t *target) hasMoved(place journal.Place) bool {
	return slices.ContainsFunc(t.holders, func(p credfile.Profile) bool { return p.Name == place.Profile && p.Path != place.Path })
}

// rememberPlaces finds out where the key at rest stands, and whether a file that showed it does
// not exist now. The status remembers that from pass to pass, but only for a key in several
// files: where the only one is gone, nothing is rotated.
func (d *Rotator) rememberPlaces(t *target) {
	if t.facts.Rotation != nil || t.isLeftAlone() {
		return
	}
	var files []string
	for _, p := range t.holders {
		t.places = append(t.places, journal.Place{Path: p.Path, Section: p.Section, Profile: p.Name})
		files = append(files, p.Path)
	}
	if t.lastStatus != nil {
		for _, place := range t.lastStatus.Places {
			if t.hasMoved(place) || slices.Contains(t.places, place) || d.Store.MayExist(place.Path) {
				continue
			}
			t.places, files = append(t.places, place), append(files, place.Path)
			t.setAbsent(place.Path)
		}
	}
	if slices.Sort(files); len(slices.Compact(files)) < 2 {
		t.places = nil
	}
}

// isTorn reports whether a profile shows half of the old pair and half of the
// new one. That happens when a power failure or a full disk cuts a write in
// place short. Next to a profile with the whole new pair it looks like one id with
// two secrets, which is unreadable. A pair with the new id and another secret, as where someone
// has edited it, is as useless.
func isTorn(r *journal.Rotation, p credfile.Profile) bool {
	seen := p.Skip == credfile.Rotatable || p.Skip == credfile.OtherStore || p.Skip == credfile.Unreadable
	return seen && (p.Key.IsMixtureOf(r.Old, r.New) || p.Key.IsSpoiled(r.New) && !r.IsRetirement())
}

// MissingFile returns the first file of the rotation that does not exist, or ""
// when all exist. The file was removed, or its disk is not mounted.
func (d *Rotator) MissingFile(r *journal.Rotation) string {
	for _, place := range r.Places {
		if !d.Store.MayExist(place.Path) {
			return place.Path
		}
	}
	return ""
}
