package rotate

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// world is what the files, the journal and the status say at one instant.
type world struct {
	targets   []*target
	notes     []string
	filesRead []string // for Status.Files
}

// openWorld takes the pass lock and gathers the world, in which each of profiles
// must exist. leave releases the lock.
func (d *Rotator) openWorld(ctx context.Context, ask decide.Options, profiles []string) (w *world, leave func(), err error) {
	leave, err = d.lockAndSweep(ctx)
	if err != nil {
		return nil, nil, err
	}
	w, err = d.gatherWorld(ctx, ask)
	if err == nil {
		err = w.requireProfiles(profiles, d.Store.Paths)
	}
	if err != nil {
		leave()
		return nil, nil, err
	}
	return w, leave, nil
}

// gatherWorld reads the files, the journals and the status. It makes no call to
// AWS.
func (d *Rotator) gatherWorld(ctx context.Context, ask decide.Options) (*world, error) {
	status, err := state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir)
	if err != nil {
		return nil, err
	}
	rotations, problems := d.JournalDir().Load(ctx)
	others := d.readForeign(status)
	snapshot, err := d.readFiles(ctx, rotations, expectedIDs(status, rotations, others)...)
	if err != nil {
		return nil, err
	}
	w := &world{}
	for _, r := range rotations {
		w.targets = append(w.targets, d.rotationTarget(r, snapshot))
	}
	for _, p := range snapshot.Profiles {
		w.addProfile(p, blockingProblem(problems, p.Key.ID))
	}
	for _, p := range problems {
		if !slices.ContainsFunc(w.targets, func(t *target) bool { return errors.Is(t.facts.RotationErr, p) }) {
			w.notes = append(w.notes, p.Error())
		}
	}
	w.noteDisplaced(d.Store)
	w.notes = append(w.notes, d.Settings.UnknownProfiles(w.profileNames())...)
	slices.SortStableFunc(w.targets, func(a, b *target) int {
		return cmp.Compare(fileOrder(snapshot, a), fileOrder(snapshot, b))
	})
	made, err := d.historyLog().LastCreated(d.Now().Add(-settings.Day))
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
	by := firstProfiles(snapshot)
	for _, t := range w.targets {
		d.fillTarget(t, status, ask)
		t.lastCreated, t.facts.ShownBy = made, by
		t.facts.AwakeSince, t.facts.LastRotation = d.AwakeSince, made[t.facts.OwnerID()]
	}
	w.noteCopies(others, by)
	w.filesRead = d.filesToRemember(status)
	return w, nil
}

// firstProfiles maps each key id to the first profile that shows it, in
// whatever form.
func firstProfiles(snapshot *credfile.Snapshot) map[string]string {
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
func (w *world) noteDisplaced(store *credfile.Store) {
	kept, err := store.DisplacedFiles()
	for _, name := range kept {
		w.notes = append(w.notes, "another program wrote a file at the same moment as keyd: its text is in "+name+"; put back what is missing, then remove it")
	}
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
}

// fileOrder returns the position of a target's first profile in the files.
func fileOrder(snapshot *credfile.Snapshot, t *target) int {
	return slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
		return slices.Contains(t.facts.Profiles, p.Name)
	})
}

// addProfile adds a profile to the target of its key, or creates a target for
// it.
func (w *world) addProfile(p credfile.Profile, unread error) {
	for _, t := range w.targets {
		if slices.ContainsFunc(t.holders, func(h credfile.Profile) bool { return h.Path == p.Path && h.Section == p.Section }) {
			t.facts.AddProfileName(p.Name)
			return
		}
		if p.Skip == credfile.Rotatable && t.facts.SkipReason == "" && p.Key.ID == t.facts.ID && t.facts.Rotation == nil {
			t.holders = append(t.holders, p)
			t.facts.AddProfileName(p.Name)
			return
		}
	}
	t := &target{facts: decide.Facts{ID: p.Key.ID, Profiles: []string{p.Name}, RotationErr: unread}, pair: p.Key, holders: []credfile.Profile{p}}
	if p.Skip != credfile.Rotatable {
		t.facts.SkipReason = cmp.Or(p.Why, string(p.Skip))
	}
	w.targets = append(w.targets, t)
}

// blockingProblem returns why the key id must be left alone, or nil. A key is
// left alone when its journal cannot be read, since its rotation may be in any
// phase. When the journal folder itself cannot be read, that holds for every
// key.
func blockingProblem(problems []error, id string) error {
	for _, p := range problems {
		path := ""
		if newer, ok := errors.AsType[*journal.NewerError](p); ok {
			path = newer.Path
		}
		if unread, ok := errors.AsType[*journal.UnreadableError](p); ok {
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
func (w *world) profileNames() (names []string) {
	for _, t := range w.targets {
		names = append(names, t.facts.Profiles...)
	}
	return names
}

// findTarget returns the first target of the profile that ok accepts, or nil.
// One profile name may be in two files, with a key in each.
func (w *world) findTarget(profile string, ok func(*target) bool) *target {
	for _, t := range w.targets {
		if slices.Contains(t.facts.Profiles, profile) && ok(t) {
			return t
		}
	}
	return nil
}

// requireProfiles refuses names that no profile has.
func (w *world) requireProfiles(names []string, paths credfile.Paths) error {
	known := w.profileNames()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return &UnknownProfileError{Name: name, Known: known, Paths: paths}
		}
	}
	return nil
}
