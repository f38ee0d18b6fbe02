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
		if !slices.ContainsFunc(w.units, func(u *unit) bool { return errors.Is(u.facts.Unread, p) }) {
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
	for _, u := range w.units {
		d.equip(u, status, ask)
		u.made, u.facts.ShownBy = made, by
		u.facts.Awake, u.facts.LastRotation = d.awake, made[u.facts.owner()]
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
func order(snapshot *credfile.Snapshot, u *unit) int {
	return slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
		return slices.Contains(u.facts.Profiles, p.Name)
	})
}

// addProfile adds a profile to the target of its key, or creates a target for
// it.
func (w *world) add(p credfile.Profile, unread error) {
	for _, u := range w.units {
		if slices.ContainsFunc(u.holders, func(h credfile.Profile) bool { return h.Path == p.Path && h.Section == p.Section }) {
			u.facts.addProfile(p.Name)
			return
		}
		if p.Skip == credfile.Rotatable && u.facts.Skip == "" && p.Key.ID == u.facts.ID && u.facts.Rotation == nil {
			u.holders = append(u.holders, p)
			u.facts.addProfile(p.Name)
			return
		}
	}
	u := &unit{facts: Facts{ID: p.Key.ID, Profiles: []string{p.Name}, Unread: unread}, key: p.Key, holders: []credfile.Profile{p}}
	if p.Skip != credfile.Rotatable {
		u.facts.Skip = cmp.Or(p.Why, string(p.Skip))
	}
	w.units = append(w.units, u)
}

// addProfileName adds a profile name unless it is there already.
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
	for _, u := range w.units {
		names = append(names, u.facts.Profiles...)
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
