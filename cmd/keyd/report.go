package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon"
)

// report is what keyd status tells, as a table or as JSON. It never holds a
// secret.
type report struct {
	Version int       `json:"version"` // 1
	Now     time.Time `json:"now"`
	Running bool      `json:"daemon_running"`
	Looked  time.Time `json:"looked,omitzero"` // when a pass last ended
	By      string    `json:"by,omitzero"`     // the command whose pass it was: run, rotate, ...
	PID     int       `json:"pid,omitzero"`    // of that process

	Daemon *daemon.Life `json:"daemon,omitzero"` // what the daemon says of itself; nil when none lives

	Files    []string         `json:"files"`
	Settings string           `json:"settings_error,omitzero"` // a mistake in keyd.ini
	Notes    []string         `json:"notes,omitzero"`          // a damaged journal, and the like
	Warnings []string         `json:"warnings,omitzero"`       // about what the files hold
	Keys     []daemon.KeyLine `json:"keys"`                    // those that need a person first

	settings daemon.Settings
	nextLook time.Time // when the daemon looks again, at the latest
}

// stateNew is the state of a key that no pass has looked at.
const stateNew daemon.State = "new"

// buildReport joins what the files show now with what the last pass found out, as
// load reads it: daemon.LoadStatus, or daemon.Recall for all of it.
func (u *ui) buildReport(ctx context.Context, names []string, load func(state string) (daemon.Status, error)) (*report, error) {
	s, err := u.findLocations()
	if err != nil {
		return nil, err
	}
	status, err := load(s.folders.State)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.quickRead(ctx)
	gone := errors.Is(err, fs.ErrNotExist) && slices.Contains(status.Files, s.store.Paths.Credentials) && slices.ContainsFunc(status.Keys, hasRotation)
	if err != nil && !gone {
		return nil, err
	}
	r := &report{
		Version: 1, Now: u.now().UTC(), Running: daemon.Lives(s.folders.State),
		Looked: status.Written, By: status.Process, PID: status.PID, Notes: status.Notes,
		Files: []string{s.store.Paths.Credentials, s.store.Paths.Config},
	}
	if r.Running {
		r.addDaemon(s.folders.State)
	}
	if err := r.readSettings(s, status); err != nil {
		r.Settings = err.Error()
	}
	switch {
	case gone:
		r.reportMissing(s.store.Paths.Credentials, status)
		err = r.requireProfiles(names, s.store.Paths)
	case snapshot == nil:
		r.Keys = status.Keys
		r.Warnings = []string{s.store.Paths.Credentials + " is empty, or is being written just now: this is what the last pass found"}
	default:
		r.addProfiles(snapshot.Profiles, status)
		r.addHiddenRotations(snapshot.Profiles, status)
		r.addUnknownProfiles()
		err = r.requireProfiles(names, s.store.Paths)
	}
	if err != nil {
		return nil, err
	}
	if text := u.serviceProblem(s); text != "" {
		r.Warnings = append(r.Warnings, text)
	}
	r.selectKeys(names)
	r.planNextLook()
	return r, nil
}

func hasRotation(l daemon.KeyLine) bool { return l.InRotation }

// reportMissing makes the lines of the rotations in whose middle the credentials file
// was removed. What the last pass said of them is overtaken: none can go on.
func (r *report) reportMissing(path string, status daemon.Status) {
	r.Warnings = []string{path + " is not there: what keyd knows of the keys in it are the rotations that go on"}
	for _, l := range status.Keys {
		if !l.InRotation {
			continue
		}
		l.State, l.NeedsPerson, l.Next, l.Warnings = daemon.Stopped, true, time.Time{}, nil
		l.Why = "a rotation goes on, and " + path + " is not there"
		l.Run = "restore " + path + " from a backup: one with the old key will do"
		r.Keys = append(r.Keys, l)
	}
}

// quickReadLimit is how long keyd status waits for a file that holds still.
const quickReadLimit = 300 * time.Millisecond

// quickRead reads the files. It returns neither them nor an error when they do not
// hold still: a pass waits for that, a person does not.
func (s locations) quickRead(ctx context.Context) (*credfile.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, quickReadLimit)
	defer cancel()
	snapshot, err := s.store.Read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return snapshot, err
}

// addDaemon adds what the daemon says of itself.
func (r *report) addDaemon(state string) {
	if r.Daemon = daemon.LoadLife(state); r.Daemon != nil {
		r.Notes = append(r.Notes, r.Daemon.Notes...)
	}
}

// readSettings reads the settings. With a mistake in them those in force serve to show
// the rest.
func (r *report) readSettings(s locations, status daemon.Status) (err error) {
	r.Settings = status.Settings
	r.settings, err = daemon.LoadSettings(s.folders.Settings)
	if err != nil {
		r.settings = s.settingsFile().InForce()
	} else {
		r.Settings = ""
	}
	return err
}

// settingsInForce says what holds while there is a mistake in the settings.
func (r *report) settingsInForce() string {
	if r.settings.Unknown {
		return ": nothing is begun until it is mended"
	}
	return ": the last good settings are in force"
}

// profileNames are the names of all, also of those that are gone in the middle of a
// rotation.
func (r *report) profileNames() (names []string) {
	for _, l := range r.Keys {
		names = append(names, l.Profiles...)
	}
	return names
}

// requireProfiles refuses a name that no profile has.
func (r *report) requireProfiles(names []string, paths credfile.Paths) error {
	all := r.profileNames()
	for _, name := range names {
		if !slices.Contains(all, name) {
			return &daemon.UnknownProfileError{Name: name, Known: all, Paths: paths}
		}
	}
	return nil
}

// addUnknownProfiles notes the profiles that only keyd.ini knows. The last pass may
// have done so too.
func (r *report) addUnknownProfiles() {
	for _, text := range r.settings.Strangers(r.profileNames()) {
		if !slices.Contains(r.Notes, text) {
			r.Notes = append(r.Notes, text)
		}
	}
}

// addHiddenRotations adds the rotations that the files do not tell of: somebody has put
// another key into them, or taken the profile out.
func (r *report) addHiddenRotations(profiles []credfile.Profile, status daemon.Status) {
	for _, l := range status.Keys {
		if l.InRotation && !slices.ContainsFunc(profiles, func(p credfile.Profile) bool {
			return p.Key.ID == l.Key && p.Skip == credfile.Rotatable
		}) {
			l.Warnings = nil
			r.Keys = append(r.Keys, l)
		}
	}
}

// addProfiles makes one line per key, and one per profile without a key.
func (r *report) addProfiles(profiles []credfile.Profile, status daemon.Status) {
	at, lines := make(map[string]int, len(profiles)), make(map[string]*daemon.KeyLine, len(status.Keys))
	r.Keys = make([]daemon.KeyLine, 0, len(profiles))
	for i := range status.Keys {
		lines[status.Keys[i].Key] = &status.Keys[i]
	}
	var warnings []credfile.Problem
	for _, p := range profiles {
		warnings = append(warnings, p.Warnings...)
		if i, ok := at[p.Key.ID]; ok && p.Key.ID != "" && p.Skip == credfile.Rotatable {
			if !slices.Contains(r.Keys[i].Profiles, p.Name) {
				r.Keys[i].Profiles = append(r.Keys[i].Profiles, p.Name)
			}
			continue
		}
		if p.Skip == credfile.Rotatable {
			at[p.Key.ID] = len(r.Keys)
		}
		r.Keys = append(r.Keys, profileLine(p, lines[p.Key.ID]))
	}
	for _, w := range slices.Compact(warnings) {
		text := fmt.Sprintf("%s:%d: %s; %s", w.Path, w.Line, w.Text, w.Remedy)
		if !slices.Contains(r.Warnings, text) {
			r.Warnings = append(r.Warnings, text)
		}
	}
}

// selectKeys keeps the keys of the profiles named, each with all its profiles, and
// puts first what needs a person.
func (r *report) selectKeys(names []string) {
	if len(names) > 0 {
		r.Keys = slices.DeleteFunc(r.Keys, func(l daemon.KeyLine) bool {
			return !slices.ContainsFunc(l.Profiles, func(p string) bool { return slices.Contains(names, p) })
		})
	}
	slices.SortStableFunc(r.Keys, func(a, b daemon.KeyLine) int { return cmp.Compare(sortRank(a), sortRank(b)) })
}

// profileLine is what is known of the key of a profile.
func profileLine(p credfile.Profile, last *daemon.KeyLine) daemon.KeyLine {
	fresh := daemon.KeyLine{Profiles: []string{p.Name}, Key: p.Key.ID}
	if p.Skip != credfile.Rotatable {
		fresh.State, fresh.Why = daemon.Skipped, cmp.Or(p.Why, string(p.Skip))
		return fresh
	}
	if last == nil {
		fresh.State, fresh.Why = stateNew, "not yet looked at"
		return fresh
	}
	line := *last
	line.Profiles, line.Warnings = fresh.Profiles, nil
	return line
}

// sortRank orders the table: what needs a person comes first.
func sortRank(l daemon.KeyLine) int {
	order := []daemon.State{daemon.Stopped, daemon.Waiting, daemon.Held, daemon.Rotating, daemon.Due,
		daemon.Overlap, daemon.Quarantine, stateNew, daemon.OK, daemon.Skipped}
	if l.NeedsPerson {
		return -1
	}
	return slices.Index(order, l.State)
}

// planNextLook finds out when the daemon looks again: when something is due, and at
// least every check_every.
func (r *report) planNextLook() {
	if r.Daemon != nil {
		r.nextLook = r.Daemon.Next
		return
	}
	r.nextLook = r.Looked.Add(r.settings.CheckEvery)
	for _, l := range r.Keys {
		if !l.Next.IsZero() && l.Next.Before(r.nextLook) {
			r.nextLook = l.Next
		}
	}
}
