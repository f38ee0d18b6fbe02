package daemon

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"

	"keyd/credfile"
)

// world is what the files, the journal and the status say at one instant.
type world struct {
	units []*unit
	notes []string
	files []string // for Status.Files
}

// gatherWorld reads the files, the journals and the status. It makes no call to
// AWS.
func (d *Daemon) gather(ctx context.Context, ask Ask) (*world, error) {
	status, err := recall(d.Sys, d.State)
	if err != nil {
		return nil, err
	}
	rotations, problems := d.journal().Load(ctx)
	others := d.foreign(status)
	snapshot, err := d.read(ctx, rotations, expected(status, rotations, others)...)
	if err != nil {
		return nil, err
	}
	w := &world{}
	for _, r := range rotations {
		w.units = append(w.units, d.rotationUnit(r, snapshot))
	}
	for _, p := range snapshot.Profiles {
		w.add(p, handsOff(problems, p.Key.ID))
	}
	for _, p := range problems {
		if !slices.ContainsFunc(w.units, func(t *unit) bool { return errors.Is(t.facts.Unread, p) }) {
			w.notes = append(w.notes, p.Error())
		}
	}
	w.noteKept(d.Store)
	w.notes = append(w.notes, d.Settings.Strangers(w.profiles())...)
	slices.SortStableFunc(w.units, func(a, b *unit) int {
		return cmp.Compare(order(snapshot, a), order(snapshot, b))
	})
	made, err := d.history().made(d.Now().Add(-day))
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
	by := shownBy(snapshot)
	for _, t := range w.units {
		d.equip(t, status, ask)
		t.made, t.facts.ShownBy = made, by
		t.facts.Awake, t.facts.LastRotation = d.awake, made[t.facts.owner()]
	}
	w.noteCopies(others, by)
	w.files = d.reads(status)
	return w, nil
}

// firstProfiles maps each key id to the first profile that shows it, in
// whatever form.
func shownBy(snapshot *credfile.Snapshot) map[string]string {
	by := map[string]string{}
	for _, p := range snapshot.Profiles {
		if p.Key.ID != "" && by[p.Key.ID] == "" {
			by[p.Key.ID] = p.Name
		}
	}
	return by
}

// noteDisplaced adds a note for each text of another program that could not be
// carried over into the files.
func (w *world) noteKept(store *credfile.Store) {
	kept, err := store.Kept()
	for _, name := range kept {
		w.notes = append(w.notes, "another program wrote a file at the same moment as keyd: its text is in "+name+"; put back what is missing, then remove it")
	}
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
}

// fileOrder returns the position of a target's first profile in the files.
func order(snapshot *credfile.Snapshot, t *unit) int {
	return slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
		return slices.Contains(t.facts.Profiles, p.Name)
	})
}

// addProfile adds a profile to the target of its key, or creates a target for
// it.
func (w *world) add(p credfile.Profile, unread error) {
	for _, t := range w.units {
		if slices.ContainsFunc(t.holders, func(h credfile.Profile) bool { return h.Path == p.Path && h.Section == p.Section }) {
			t.facts.addProfile(p.Name)
			return
		}
		if p.Skip == credfile.Rotatable && t.facts.Skip == "" && p.Key.ID == t.facts.ID && t.facts.Rotation == nil {
			t.holders = append(t.holders, p)
			t.facts.addProfile(p.Name)
			return
		}
	}
	t := &unit{facts: Facts{ID: p.Key.ID, Profiles: []string{p.Name}, Unread: unread}, key: p.Key, holders: []credfile.Profile{p}}
	if p.Skip != credfile.Rotatable {
		t.facts.Skip = cmp.Or(p.Why, string(p.Skip))
	}
	w.units = append(w.units, t)
}

// AddProfileName adds a profile name unless it is there already.
func (f *Facts) addProfile(name string) {
	if !slices.Contains(f.Profiles, name) {
		f.Profiles = append(f.Profiles, name)
	}
}

// blockingProblem returns why the key id must be left alone, or nil. A key is
// left alone when its journal cannot be read, since its rotation may be in any
// phase. When the journal folder itself cannot be read, that holds for every
// key.
func handsOff(problems []error, id string) error {
	for _, p := range problems {
		path := ""
		if newer, ok := errors.AsType[*NewerError](p); ok {
			path = newer.Path
		}
		if unread, ok := errors.AsType[*UnreadError](p); ok {
			path = unread.Path
		}
		if path != "" && id != "" && (filepath.Base(path) == id+".json" || filepath.Ext(path) != ".json") {
			return p
		}
	}
	return nil
}

// profileNames returns the names of all profiles, including those that
// disappeared in the middle of a rotation.
func (w *world) profiles() (names []string) {
	for _, t := range w.units {
		names = append(names, t.facts.Profiles...)
	}
	return names
}

// requireProfiles refuses names that no profile has.
func (w *world) know(names []string, paths credfile.Paths) error {
	known := w.profiles()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return &UnknownProfileError{Name: name, Known: known, Paths: paths}
		}
	}
	return nil
}
