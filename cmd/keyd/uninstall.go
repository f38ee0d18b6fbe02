package main

import (
	"context"

	"github.com/spf13/cobra"

	"keyd/daemon/hint"
	"keyd/daemon/state"
)

const uninstallLong = `Stop the service and remove it. The settings and the state folder stay: keyd
rotate or the next installation can finish a rotation that is in progress.

--purge also removes the settings and the state folder, including the history.
It is refused while a rotation is in progress, because only the state folder
holds both of its keys. A damaged journal may hold the only copy of a secret
key: keyd leaves it in place and prints its path.`

func newUninstallCommand(a *app) *cobra.Command {
	var purge, yes bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "stop the service and remove it",
		Long:  uninstallLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.uninstallService(cmd.Context(), purge, yes) },
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "also remove the settings, the state and the history")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before --purge")
	return cmd
}

func (a *app) uninstallService(ctx context.Context, purge, yes bool) error {
	loc, err := a.findLocations()
	if err != nil {
		return err
	}
	service, err := a.openService(loc)
	if err != nil {
		return err
	}
	if purge {
		if err := a.checkPurge(ctx, loc, yes); err != nil {
			return err
		}
	}
	installed, err := service.Uninstall()
	if err != nil {
		return err
	}
	if installed {
		a.term.printf("uninstalled: keyd no longer starts at login\n")
	} else {
		a.term.printf("keyd was not installed as a service\n")
	}
	if !purge {
		a.term.printNote("the settings and the state were left in place: %s, %s", loc.folders.SettingsFile, loc.folders.StateDir)
		return nil
	}
	return a.purgeState(ctx, loc)
}

// checkPurge refuses to purge while a rotation is in progress, and asks.
func (a *app) checkPurge(ctx context.Context, loc locations, yes bool) error {
	if err := loc.requireNoRotation(ctx); err != nil {
		return err
	}
	return a.term.requireYes(ctx, yes, "remove "+a.term.shortenHome(loc.folders.SettingsFile)+" and "+a.term.shortenHome(loc.folders.StateDir)+", including the history?")
}

// requireNoRotation returns an error if a rotation is in progress or if a journal
// cannot be read.
func (loc locations) requireNoRotation(ctx context.Context) error {
	rotations, problems := loc.openJournal().Load(ctx)
	if len(problems) > 0 {
		return problems[0]
	}
	if len(rotations) == 0 {
		return nil
	}
	profiles := rotations[0].Profiles()
	return hintedError(hint.Command("keyd rotate --retire-now", profiles[0]),
		"a rotation of %s is in progress, and the state folder holds its keys: nothing was removed", joinNames(profiles))
}

// purgeState removes keyd's own files and nothing else. It checks for rotations
// once more: the daemon was running until a moment ago.
func (a *app) purgeState(ctx context.Context, loc locations) error {
	if state.DaemonRunning(loc.folders.StateDir) {
		return usageError("stop it, then: keyd uninstall --purge", "keyd run is still running here: the settings and the state were left in place")
	}
	if err := loc.requireNoRotation(ctx); err != nil {
		return err
	}
	left, err := loc.folders.Remove()
	if err != nil {
		return err
	}
	for _, path := range left.Damaged {
		a.term.printNote("%s is a damaged journal, which may hold the only copy of a secret key: it was left in place", path)
	}
	for _, path := range left.Foreign {
		a.term.printNote("%s does not belong to keyd and was left in place", path)
	}
	a.term.printf("removed: %s, %s\n", a.term.shortenHome(loc.folders.SettingsFile), a.term.shortenHome(loc.folders.StateDir))
	return nil
}
