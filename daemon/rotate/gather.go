package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// world is what the files, the journal and the status say at one instant.
type world struct {
	targets   []*target
	notes     []string // problems that concern no single key
	problems  []error  // journals that cannot be read now
	damaged   []string // those of notes that say that a journal was damaged
	filesRead []string // for Status.Files

	recent state.Recent // what the end of the history tells
}

// openWorld takes the pass lock and gathers the world, in which each of profiles
// must exist. It waits for the lock up to limit. If sweeps is set, it removes the
// temporary files of killed processes. leave releases the lock.
func (d *Rotator) openWorld(ctx context.Context, ask decide.Options, profiles []string, limit time.Duration, sweeps bool) (w *world, leave func(), err error) {
	leave, err = d.lockAndSweep(ctx, limit, sweeps)
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
	status, err := d.loadStatus()
	if err != nil {
		return nil, err
	}
	rotations, problems := d.JournalDir().Load(ctx)
	others := d.readForeign(status, d.linkedStore(rotations...))
	d.waits("reading the AWS files, which another program may be writing")
	defer d.waits("")
	snapshot, rotating, err := d.readFiles(ctx, rotations, expectedIDs(status, rotations, others)...)
	if err != nil {
		return nil, err
	}
	w := &world{problems: problems, targets: rotating}
	for _, g := range GroupProfiles(w.outsideRotations(snapshot.Profiles)) {
		w.targets = append(w.targets, g.newTarget(blockingProblem(problems, g.Holders[0].Key.ID)))
	}
	for _, p := range problems {
		if !slices.ContainsFunc(w.targets, func(t *target) bool { return errors.Is(t.facts.RotationErr, p) }) {
			w.notes = append(w.notes, p.Error())
		}
		if _, ok := errors.AsType[*journal.DamagedError](p); ok {
			w.damaged = append(w.damaged, p.Error())
		}
	}
	w.noteDisplaced(d.linkedStore(rotations...))
	w.notes = append(w.notes, d.Settings.UnknownProfiles(w.profileNames())...)
	w.sortTargets(snapshot)
	w.recent, err = d.readRecent()
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
	by := firstProfiles(snapshot)
	host := d.hostName()
	installation, err := d.installationID()
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
	keys, lines := w.countKeys(d.Settings), status.IndexKeys()
	for _, t := range w.targets {
		t.setInstallation(installation, host)
		t.setKeys(keys)
		t.setHookRuns(d.hookRuns.find(t.facts.ID))
		d.fillTarget(t, status, lines, ask)
		t.setSurroundings(w.recent, by, d.AwakeSince)
	}
	w.placeLinks(snapshot)
	w.noteCopies(others, by)
	w.noteIgnored(d.Getenv)
	for _, p := range snapshot.Skipped {
		w.notes = append(w.notes, p.Path+": "+p.Text+"; "+p.Remedy)
	}
	w.filesRead = d.filesToRemember(status)
	return w, nil
}

// countKeys returns how many keys the files hold that keyd rotates.
func (w *world) countKeys(s settings.Settings) (n int) {
	for _, t := range w.targets {
		if len(t.holders) > 0 && !t.isLeftAlone() && s.RotateAfterFor(t.facts.Profiles) != settings.Never {
			n++
		}
	}
	return n
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

// sortTargets sorts the targets by the position of their first profile in the files.
// Those that no file shows come first.
func (w *world) sortTargets(snapshot *credfile.Snapshot) {
	position := make(map[string]int, len(snapshot.Profiles))
	for i, p := range slices.Backward(snapshot.Profiles) {
		position[p.Name] = i + 1
	}
	first := make(map[*target]int, len(w.targets))
	for _, t := range w.targets {
		for _, name := range t.facts.Profiles {
			if at := position[name]; at > 0 && (first[t] == 0 || at < first[t]) {
				first[t] = at
			}
		}
	}
	slices.SortStableFunc(w.targets, func(a, b *target) int { return cmp.Compare(first[a], first[b]) })
}

// outsideRotations returns the profiles that show no key of a rotation in progress.
// It adds the names of the others to their rotations.
func (w *world) outsideRotations(profiles []credfile.Profile) (rest []credfile.Profile) {
	type place struct{ path, section string }
	rotating := map[place]*target{}
	for _, t := range slices.Backward(w.targets) { // the first one counts
		for _, h := range t.holders {
			rotating[place{h.Path, h.Section}] = t
		}
	}
	for _, p := range profiles {
		if t := rotating[place{p.Path, p.Section}]; t != nil {
			t.addProfileName(p.Name)
			continue
		}
		rest = append(rest, p)
	}
	return rest
}

// Group is one key that keyd could rotate, or one profile without such a key.
type Group struct {
	Holders    []credfile.Profile // the places that show it, in file order; never empty
	Names      []string           // the names of their profiles, each once
	SkipReason string             // why there is nothing to rotate; "" when there may be something
	Unreadable *decide.Unread     // why the key of the first holder cannot be rotated; nil when it can, or is skipped
}

// NamesIAM reports whether a profile that shows the key names an IAM for it that is not AWS's.
func (g *Group) NamesIAM() bool { return nameIAM(g.Holders) }

// nameIAM reports whether one of the profiles names an IAM for its key that is not AWS's.
func nameIAM(holders []credfile.Profile) bool {
	return slices.ContainsFunc(holders, func(p credfile.Profile) bool { return p.OwnIAM != "" })
}

// Facts returns what the files say of the group.
func (g *Group) Facts() decide.Facts {
	return decide.Facts{ID: g.Holders[0].Key.ID, Profiles: g.Names, SkipReason: g.SkipReason, Unreadable: g.Unreadable}
}

// GroupProfiles groups profiles by key, in file order: profiles that share a key
// change together. A section that appears twice in a file is one group. The groups share
// the memory of profiles.
func GroupProfiles(profiles []credfile.Profile) []Group {
	type place struct{ path, section string }
	groups, names := make([]Group, 0, len(profiles)), make([]string, len(profiles))
	byPlace, byKey := make(map[place]int, len(profiles)), make(map[string]int, len(profiles))
	for n := range profiles {
		p := &profiles[n]
		rotatable, at := p.Skip == credfile.Rotatable, place{p.Path, p.Section}
		i, known := byPlace[at]
		if !known && rotatable {
			i, known = byKey[p.Key.ID]
			if known {
				groups[i].Holders = append(groups[i].Holders, *p)
			}
		}
		if !known {
			i = len(groups)
			groups = append(groups, newGroup(profiles[n:n+1:n+1]))
			groups[i].Names = names[n : n : n+1]
		}
		byPlace[at] = i
		if rotatable {
			byKey[p.Key.ID] = i
		}
		if !slices.Contains(groups[i].Names, p.Name) {
			groups[i].Names = append(groups[i].Names, p.Name)
		}
	}
	return groups
}

// newGroup returns the group of one profile, without its name.
func newGroup(alone []credfile.Profile) Group {
	g, p := Group{Holders: alone}, &alone[0]
	if p.Skip.IsUnreadable() {
		g.Unreadable = &decide.Unread{Why: fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Why), Hint: p.Remedy, IDs: p.IDs}
	} else {
		g.SkipReason = cmp.Or(p.Why, string(p.Skip))
	}
	return g
}

// newTarget returns the target of a group. unread is why the journal that the key
// may have cannot be read, or nil.
func (g *Group) newTarget(unread error) *target {
	t := &target{pair: g.Holders[0].Key, holders: g.Holders, facts: g.Facts()}
	t.setRotationErr(unread)
	return t
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
