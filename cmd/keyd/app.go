package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// app runs keyd's commands, with what they get from outside. It prints through
// its terminal only.
type app struct {
	process
	term    *terminal
	verbose bool // print the log of what is done
}

func newApp(p process) *app { return &app{process: p, term: newTerminal(p)} }

// locations says where this user's files are.
type locations struct {
	folders state.Folders
	store   *credfile.Store
	also    []string // the default AWS files, if the environment names others
	sys     atomicfile.Sys
	home    string // the value of HOME
	tilde   string // what ~ means, "" if nothing says it: HOME, or its stand-ins on Windows
	managed string // an administrator's settings, "" if there can be none
	root    string // the folder of the machine's own files
}

// findLocations finds out where the files are. It reads and creates nothing.
func (a *app) findLocations() (locations, error) {
	paths, err := credfile.Locate(a.getenv, a.goos)
	if err != nil {
		return locations{}, err
	}
	if paths, err = absolutePaths(paths); err != nil {
		return locations{}, err
	}
	folders, err := state.FindFolders(a.getenv, a.goos)
	if err != nil {
		return locations{}, err
	}
	tilde, _ := credfile.ExpandPath("~", a.getenv, a.goos)
	return locations{
		folders: folders, store: &credfile.Store{Paths: paths, Sys: a.fileSys()}, also: a.defaultFiles(paths),
		sys: a.fileSys(), home: a.getenv("HOME"), tilde: tilde, managed: state.ManagedPath(a.root, a.goos), root: cmp.Or(a.root, "/"),
	}, nil
}

// fileSys returns the file system: the real one, but in a test.
func (a *app) fileSys() atomicfile.Sys {
	if a.sys == nil {
		return atomicfile.OS{}
	}
	return a.sys
}

// defaultFiles returns the AWS files that programs read which do not have the AWS
// variables of this environment; nil if they read the same files.
func (a *app) defaultFiles(paths credfile.Paths) []string {
	withoutAWS := func(name string) string {
		if strings.HasPrefix(name, "AWS_") {
			return ""
		}
		return a.getenv(name)
	}
	usual, err := credfile.Locate(withoutAWS, a.goos)
	if err != nil || usual == paths {
		return nil
	}
	return []string{usual.Credentials, usual.Config}
}

// absolutePaths makes the paths mean the same to every process, wherever it was
// started.
func absolutePaths(paths credfile.Paths) (credfile.Paths, error) {
	credentials, err := filepath.Abs(paths.Credentials)
	config, failed := filepath.Abs(paths.Config)
	return credfile.Paths{Credentials: credentials, Config: config}, errors.Join(err, failed)
}

// openDaemon returns the daemon that runs passes for this user, with the settings
// of keyd.ini. It refuses a keyd.ini with a mistake in it: the mistake may be in
// the line that excludes a key.
func (a *app) openDaemon(process string) (*rotate.Rotator, locations, error) {
	loc, err := a.openToAct()
	if err != nil {
		return nil, loc, err
	}
	settings, err := a.readSettings(loc)
	if err != nil {
		return nil, loc, err
	}
	for _, text := range a.warnWriters(loc) {
		a.term.printNote("%s", text)
	}
	for _, text := range settingsNotes(settings) {
		a.term.printNote("%s", text)
	}
	return a.newDaemon(settings, loc, process), loc, nil
}

// newDaemon returns a daemon with these settings. process is the command that
// status and history name.
func (a *app) newDaemon(settings settings.Settings, loc locations, process string) *rotate.Rotator {
	log := slog.New(slog.DiscardHandler)
	if a.verbose {
		log = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return &rotate.Rotator{
		Store: loc.store, StateDir: loc.folders.StateDir, Sys: loc.sys, Settings: settings,
		HTTP: a.http, Now: a.now, Getenv: a.getenv, Log: log, Process: process, Release: buildRelease(), OtherFiles: loc.also, Hurry: a.hurry, Hooks: daemon.Hooks{}, Codes: a.mfaCodes(process),
	}
}

// settingsFile returns keyd.ini together with the daemon's copy of the last good
// settings.
func (loc locations) settingsFile() settings.File {
	return settings.File{Path: loc.folders.SettingsFile, Copy: state.SettingsCopyPath(loc.folders.StateDir), Sys: loc.sys, Home: loc.home, UserHome: loc.tilde,
		Managed: settings.ManagedFile{Path: loc.managed, Copy: state.ManagedCopyPath(loc.folders.StateDir), Root: loc.root}}
}

// linkedPaths returns the paths of the linked files of keyd.ini, or of the last good settings,
// and of the rotations in progress.
func (loc locations) linkedPaths() (paths []string) {
	s, err := loc.settingsFile().Read()
	if err != nil {
		s = loc.settingsFile().Effective()
	}
	for _, l := range s.Links {
		paths = append(paths, l.Path)
	}
	rotations, _ := loc.openJournal().Load(context.Background())
	for _, r := range rotations {
		for _, l := range r.Links {
			paths = append(paths, l.Path)
		}
	}
	return paths
}

// openJournal returns the journal of the rotations in progress, for reading only.
func (loc locations) openJournal() journal.Dir {
	return journal.Dir{Path: state.JournalsPath(loc.folders.StateDir), Sys: loc.sys, Home: loc.home, ReadOnly: true}
}

// noteEndpoints notes, before anything is signed, which endpoints do not belong
// to AWS: the server behind one learns which keys exist. If the files cannot be
// read, it cannot tell, and returns an error so that nothing is signed.
func (a *app) noteEndpoints(ctx context.Context, loc locations, names []string) error {
	snapshot, err := loc.store.Read(ctx)
	if err != nil {
		return a.explainMissing(ctx, loc, err)
	}
	for _, endpoint := range rotate.CustomEndpoints(selectProfiles(snapshot.Profiles, names), a.getenv) {
		a.term.printNote("signed requests go to %s, which is not AWS", endpoint)
	}
	return nil
}

// noteUnknownProfiles notes the profiles that are named in keyd.ini and exist
// nowhere else, before a person agrees to something that depends on them. A
// profile that only a rotation in progress knows is in that rotation's result.
func (a *app) noteUnknownProfiles(ctx context.Context, loc locations, settings settings.Settings, results ...rotate.Result) {
	snapshot, err := loc.store.Read(ctx)
	if err != nil {
		return // the pass read the files, or reports why it could not
	}
	names := profileNames(snapshot.Profiles)
	for _, r := range results {
		names = append(names, r.Profiles...)
	}
	for _, text := range settings.UnknownProfiles(names) {
		a.term.printNote("%s", text)
	}
}

func profileNames(profiles []credfile.Profile) (names []string) {
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// selectProfiles returns the profiles with these names, or all of them if names is
// empty.
func selectProfiles(profiles []credfile.Profile, names []string) []credfile.Profile {
	if len(names) == 0 {
		return profiles
	}
	var some []credfile.Profile
	for _, p := range profiles {
		if slices.Contains(names, p.Name) {
			some = append(some, p)
		}
	}
	return some
}
