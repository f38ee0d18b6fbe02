package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon"
)

// locations is where everything of this user stands.
type locations struct {
	folders daemon.Folders
	store   *credfile.Store
	also    []string // the default files, where the environment names others
}

// findLocations locates the files. It reads and creates nothing.
func (u *ui) findLocations() (locations, error) {
	paths, err := credfile.Locate(u.getenv, u.goos)
	if err != nil {
		return locations{}, err
	}
	if paths, err = absolutePaths(paths); err != nil {
		return locations{}, err
	}
	folders, err := daemon.FindFolders(u.getenv, u.goos)
	if err != nil {
		return locations{}, err
	}
	return locations{folders, &credfile.Store{
		Paths: paths, Sys: atomicfile.OS{},
	}, u.defaultFiles(paths)}, nil
}

// defaultFiles are the files that programs read which do not see the environment of
// this one.
func (u *ui) defaultFiles(paths credfile.Paths) []string {
	bare := func(name string) string {
		if strings.HasPrefix(name, "AWS_") {
			return ""
		}
		return u.getenv(name)
	}
	usual, err := credfile.Locate(bare, u.goos)
	if err != nil || usual == paths {
		return nil
	}
	return []string{usual.Credentials, usual.Config}
}

// absolutePaths makes paths mean the same to every process, wherever it was started.
func absolutePaths(paths credfile.Paths) (credfile.Paths, error) {
	credentials, err := filepath.Abs(paths.Credentials)
	config, failed := filepath.Abs(paths.Config)
	return credfile.Paths{Credentials: credentials, Config: config}, errors.Join(err, failed)
}

// openDaemon returns what does the passes for this user. A mistake in keyd.ini is
// refused: it might be the one that excludes a key.
func (u *ui) openDaemon(process string) (*daemon.Daemon, locations, error) {
	s, err := u.findLocations()
	if err != nil {
		return nil, s, err
	}
	settings, err := daemon.LoadSettings(s.folders.Settings)
	if err != nil {
		return nil, s, err
	}
	return u.newDaemon(settings, s, process), s, nil
}

func (u *ui) newDaemon(settings daemon.Settings, s locations, process string) *daemon.Daemon {
	return &daemon.Daemon{
		Store: s.store, State: s.folders.State, Sys: atomicfile.OS{}, Settings: settings,
		HTTP: u.http, Now: u.now, Getenv: u.getenv, Log: slog.New(slog.DiscardHandler), Process: process, Also: s.also,
	}
}

// settingsFile is keyd.ini, and what the daemon keeps of it.
func (s locations) settingsFile() daemon.SettingsFile {
	return daemon.SettingsFile{Path: s.folders.Settings, State: s.folders.State, Sys: atomicfile.OS{}}
}

// noteEndpoints tells the person, before anything is signed, which endpoints
// are not AWS's: whoever answers there learns which keys exist. Without the
// files nothing can be named, so nothing may be signed either.
func (u *ui) noteEndpoints(ctx context.Context, s locations, names []string) error {
	snapshot, err := s.store.Read(ctx)
	if err != nil {
		return err
	}
	for _, endpoint := range daemon.CustomEndpoints(selectProfiles(snapshot.Profiles, names), u.getenv) {
		u.printNote("requests are signed to %s, which is not AWS", endpoint)
	}
	return nil
}

// noteUnknownProfiles tells which profiles only keyd.ini knows, before a person agrees
// to what rests on it. A profile that only a rotation knows is in its result.
func (u *ui) noteUnknownProfiles(ctx context.Context, s locations, settings daemon.Settings, results ...daemon.Result) {
	snapshot, err := s.store.Read(ctx)
	if err != nil {
		return // the pass has read them, or says why not
	}
	var names []string
	for _, p := range snapshot.Profiles {
		names = append(names, p.Name)
	}
	for _, r := range results {
		names = append(names, r.Profiles...)
	}
	for _, text := range settings.Strangers(names) {
		u.printNote("%s", text)
	}
}

// selectProfiles returns the profiles with these names; all of them without names.
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

// completeProfiles offers the names of the profiles to the shell.
func (u *ui) completeProfiles(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		s, err := u.findLocations()
		if err != nil || most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		snapshot, err := s.store.Read(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		for _, p := range snapshot.Profiles {
			names = append(names, p.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// openJournal is where rotations in progress are kept, for reading only.
func (s locations) openJournal() daemon.Journal {
	return daemon.Journal{Dir: filepath.Join(s.folders.State, "rotations"), Sys: atomicfile.OS{}, ReadOnly: true}
}
