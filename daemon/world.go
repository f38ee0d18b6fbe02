package daemon

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"

	"keyd/credfile"
)

// world is what the files, the journal and the status say, at one instant.
type world struct {
	units []*unit
	notes []string
	files []string // see Status.Files
}

// gather reads files, journals and status. Nothing is asked of AWS.
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

// shownBy is the first profile that shows each key, in whatever form.
func shownBy(snapshot *credfile.Snapshot) map[string]string {
	by := map[string]string{}
	for _, p := range snapshot.Profiles {
		if p.Key.ID != "" && by[p.Key.ID] == "" {
			by[p.Key.ID] = p.Name
		}
	}
	return by
}

// noteKept notes the texts of other programs that had no place in the files.
func (w *world) noteKept(store *credfile.Store) {
	kept, err := store.Kept()
	for _, name := range kept {
		w.notes = append(w.notes, "another program wrote a file at the same moment as keyd: its text is in "+name+"; put back what is missing, then remove it")
	}
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
}

// order is where a unit's first profile stands in the files.
func order(snapshot *credfile.Snapshot, u *unit) int {
	return slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
		return slices.Contains(u.facts.Profiles, p.Name)
	})
}

// add puts a profile into the unit of its key, or into a new one.
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

func (f *Facts) addProfile(name string) {
	if !slices.Contains(f.Profiles, name) {
		f.Profiles = append(f.Profiles, name)
	}
}

// handsOff is why a key is left alone whose journal cannot be read: a rotation
// of it may be in any phase. So may one of every key when it is the folder that
// cannot be read.
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

// profiles are the names of all, also of those that are gone in the middle of a
// rotation.
func (w *world) profiles() (names []string) {
	for _, u := range w.units {
		names = append(names, u.facts.Profiles...)
	}
	return names
}

// know refuses names that no profile has.
func (w *world) know(names []string, paths credfile.Paths) error {
	known := w.profiles()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return &UnknownProfileError{Name: name, Known: known, Paths: paths}
		}
	}
	return nil
}
