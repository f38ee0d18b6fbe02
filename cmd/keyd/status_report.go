package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// report is what keyd status prints, as a table or as JSON. It never holds a
// secret.
type report struct {
	Version int       `json:"version"` // 1
	Now     time.Time `json:"now"`
	Running bool      `json:"daemon_running"`
	Looked  time.Time `json:"looked,omitzero"` // when the last pass ended
	By      string    `json:"by,omitzero"`     // the command that ran this pass: run, rotate, ...
	PID     int       `json:"pid,omitzero"`    // of the process that ran this pass

	Daemon *state.DaemonInfo `json:"daemon,omitzero"` // what the daemon says about itself; nil if none is running

	AtWork *state.Work `json:"at_work,omitzero"` // the command of a person that is at work now; nil for none

	Files    []string          `json:"files"`
	Locks    string            `json:"lock_error,omitzero"`     // why locks cannot be trusted in the state folder
	Settings string            `json:"settings_error,omitzero"` // a mistake in keyd.ini
	Notes    []string          `json:"notes,omitzero"`          // from passes: a damaged journal, for example
	Warnings []string          `json:"warnings,omitzero"`       // about the contents of the files
	Keys     []state.KeyStatus `json:"keys"`                    // those that need a person come first

	settings  settings.Settings
	unread    bool              // the files cannot be read right now
	others    []state.KeyStatus // counted, and not shown
	needsMe   bool              // only keys that need a person are shown
	mistake   error             // in the settings; nil for none, and while a file of theirs cannot be used for another reason
	told      bool              // the mistake is printed as an error, with its hint
	problems  []fileProblem     // what is wrong in the files, of which Warnings speaks as well
	installed bool              // the service is; set only while no daemon runs
	nextLook  time.Time         // when the daemon looks again, at the latest
}

// buildReport combines what the files show now with what the last pass found.
// load reads the latter: state.LoadStatus, or state.LoadStatusAndMemory to include everything
// that keyd remembers.
func (a *app) buildReport(ctx context.Context, names []string, load func(stateDir string) (state.Status, error)) (*report, error) {
	loc, err := a.openLocations()
	if err != nil {
		return nil, err
	}
	status, err := load(loc.folders.StateDir)
	if err != nil {
		return nil, err
	}
	snapshot, err := loc.quickRead(ctx)
	missing := errors.Is(err, fs.ErrNotExist) && slices.Contains(status.Files, loc.store.Paths.Credentials) && slices.ContainsFunc(status.Keys, hasRotation)
	if keyless, ok := errors.AsType[*credfile.NoKeyError](err); ok && !missing && len(keyless.Profiles) > 0 {
		snapshot, err = &credfile.Snapshot{Profiles: keyless.Profiles}, nil
	}
	if err != nil && !missing {
		return nil, err
	}
	running, lockErr := state.TestLock(loc.folders.StateDir)
	r := &report{
		Version: 1, Now: a.now().UTC(), Running: running,
		Looked: status.Written, By: status.Process, PID: status.PID, Notes: status.Notes,
		Files: []string{loc.store.Paths.Credentials, loc.store.Paths.Config},
	}
	if lockErr != nil {
		r.Locks = lockErr.Error() + "; " + hint.Hint(lockErr)
	}
	r.AtWork = state.FindWork(loc.folders.StateDir)
	if r.Running {
		r.addDaemon(loc.folders.StateDir)
	}
	if err := r.readSettings(loc, status); err != nil {
		r.Settings = err.Error()
		if isMistake(err) {
			r.mistake = err
		}
		if _, ok := errors.AsType[*atomicfile.Untrusted](err); ok {
			r.Settings += "; " + hint.Hint(a.explainOwner(err))
		} else if fix := hint.Hint(err); fix != "" {
			r.Settings += " (" + fix + ")"
		}
	}
	switch {
	case missing:
		r.reportMissing(loc.store.Paths.Credentials, status)
		err = r.requireProfiles(names, loc.store.Paths)
	case snapshot == nil:
		r.Keys, r.unread = status.Keys, true
		r.Warnings = []string{loc.store.Paths.Credentials + " is empty or is being written right now"}
		if !status.Written.IsZero() {
			r.Warnings[0] += ": this is what the last pass found"
		}
	default:
		r.addProfiles(snapshot.Profiles, status)
		r.addSkipped(snapshot.Skipped)
		r.addHiddenRotations(snapshot.Profiles, status)
		r.addUnknownProfiles()
		err = r.requireProfiles(names, loc.store.Paths)
	}
	if err != nil {
		return nil, err
	}
	r.addLinks(ctx, loc)
	r.Warnings = append(r.Warnings, a.warnWriters(loc)...)
	service := a.serviceState(loc)
	r.installed = service.Installed
	r.Warnings = append(append(r.Warnings, r.settings.IgnoredLines()...), eventProblems(r.settings)...)
	if text := daemonProblem(r.Daemon, service.Installed); text != "" {
		r.Warnings = append(r.Warnings, text)
	}
	if text := serviceProblem(service); text != "" {
		r.Warnings = append(r.Warnings, text)
	}
	r.selectKeys(names)
	r.planNextLook()
	return r, nil
}

func hasRotation(l state.KeyStatus) bool { return l.InRotation }

// reportMissing fills in the rotations in progress when the credentials file was
// removed. It replaces what the last pass said about them: none can continue.
func (r *report) reportMissing(path string, status state.Status) {
	r.Warnings = []string{path + " is missing: keyd knows only the keys of rotations in progress"}
	for _, l := range status.Keys {
		if !l.InRotation {
			continue
		}
		l.SetDecision(decide.BlockForMissing(path))
		l.Warnings = nil
		r.Keys = append(r.Keys, l)
	}
}

// quickReadLimit is how long keyd status waits until no program writes the files.
const quickReadLimit = 300 * time.Millisecond

// quickRead reads the files. It returns nil without an error if programs keep
// writing them: a pass waits for that to end, but a person does not.
func (loc locations) quickRead(ctx context.Context) (*credfile.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, quickReadLimit)
	defer cancel()
	snapshot, err := loc.store.Read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return snapshot, err
}

// addDaemon adds what the daemon says about itself.
func (r *report) addDaemon(stateDir string) {
	if r.Daemon = state.LoadDaemonInfo(stateDir); r.Daemon != nil {
		r.Notes = append(r.Notes, r.Daemon.Notes...)
	}
}

// readSettings reads keyd.ini and returns the mistake in it, if any. With a
// mistake, the report uses the settings in force.
func (r *report) readSettings(loc locations, status state.Status) (err error) {
	r.Settings = status.SettingsErr
	r.settings, err = loc.settingsFile().Read()
	if err != nil {
		r.settings = loc.settingsFile().Effective()
	} else {
		r.Settings, err = "", r.settings.ManagedProblem()
	}
	return err
}

// settingsInForce says what keyd does while there is a mistake in the settings.
func (r *report) settingsInForce() string {
	until := "this is corrected"
	if r.told {
		until = "the settings are corrected"
	}
	switch {
	case r.settings.Unknown:
		return "keyd starts nothing until " + until
	case r.settings.OwnUnknown:
		return "the managed settings are in force, and no old key is ended until " + until
	}
	return "the last good settings are in force"
}

// profileNames returns the names of all profiles, including those that have
// disappeared from the files in the middle of a rotation.
func (r *report) profileNames() (names []string) {
	names = make([]string, 0, len(r.Keys))
	for i := range r.Keys {
		names = append(names, r.Keys[i].Profiles...)
	}
	return names
}

// requireProfiles refuses a name that no profile has.
func (r *report) requireProfiles(names []string, paths credfile.Paths) error {
	all := r.profileNames()
	for _, name := range names {
		if !slices.Contains(all, name) {
			return &rotate.UnknownProfileError{Name: name, Known: all, Paths: paths}
		}
	}
	return nil
}

// addUnknownProfiles notes the profiles that only keyd.ini names, unless the last
// pass has noted them already.
func (r *report) addUnknownProfiles() {
	for _, text := range r.settings.UnknownProfiles(r.profileNames()) {
		if !slices.Contains(r.Notes, text) {
			r.Notes = append(r.Notes, text)
		}
	}
}

// addSkipped adds what stands in the place of a file, unless the last pass has noted it.
func (r *report) addSkipped(problems []credfile.Problem) {
	for _, p := range problems {
		if text := p.Path + ": " + p.Text + "; " + p.Remedy; !slices.Contains(r.Notes, text) {
			r.Warnings = append(r.Warnings, text)
		}
	}
}

// planNextLook works out when the daemon looks again: when something is due, and
// at the latest check_every after the last pass.
func (r *report) planNextLook() {
	if r.Daemon != nil {
		r.nextLook = r.Daemon.NextPass
		return
	}
	r.nextLook = r.Looked.Add(r.settings.CheckEvery)
	for i := range r.Keys {
		if l := &r.Keys[i]; !l.Until.IsZero() && l.Until.Before(r.nextLook) {
			r.nextLook = l.Until
		}
	}
}
