package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

const uninstallLong = `Stop the service and remove it. The settings and the state folder stay: keyd
rotate or the next installation can finish a rotation that is in progress. keyd
first names every such rotation, with its keys, its state and what to do.

--purge also removes the settings and the state folder, including the history.
It is refused while a rotation is in progress, because only the state folder
holds both of its keys. A damaged journal may hold the only copy of a secret
key: keyd leaves it in place and prints its path.`

const uninstallExample = `  keyd uninstall           keep settings and state
  keyd uninstall --purge   remove them as well`

func newUninstallCommand(a *app) *cobra.Command {
	var purge, yes bool
	cmd := &cobra.Command{
		Use:     "uninstall",
		Short:   "stop the service and remove it",
		Long:    uninstallLong,
		Example: uninstallExample,
		Args:    limitArgs(0, 0, ""),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.uninstallService(cmd.Context(), purge, yes) },
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
	if err != nil && !purge {
		return err
	}
	if err != nil { // without a service manager there is no service, and keyd rotate leaves a state as well
		a.term.printNote("no service can be installed here: %s", stripPackages(err.Error()))
		service = nil
	}
	rotations, problems := loc.openJournal().Load(ctx)
	a.noteOpenRotations(loc, rotations)
	if purge {
		if loc, err = a.openLocations(); err != nil {
			return err
		}
		if err := a.checkPurge(ctx, loc, yes); err != nil {
			return err
		}
	}
	for _, problem := range problems {
		a.term.printNote("%s", stripPackages(problem.Error()))
		a.term.printHint(hint.Hint(problem))
	}
	installed := false
	if service != nil {
		if installed, err = service.Uninstall(); err != nil {
			return err
		}
	}
	if installed {
		a.term.printf("uninstalled: keyd no longer starts at login\n")
	} else {
		a.term.printf("keyd was not installed as a service\n")
	}
	if !purge {
		if kept := a.existing(loc, loc.folders.SettingsFile, loc.folders.StateDir); len(kept) > 0 {
			a.term.printNote("kept: %s; to remove that too: keyd uninstall --purge", joinNames(kept))
		}
		return nil
	}
	return a.purgeState(ctx, loc)
}

// checkPurge refuses to purge while a rotation is in progress, and asks.
func (a *app) checkPurge(ctx context.Context, loc locations, yes bool) error {
	if err := loc.requireNoRotation(ctx, "nothing was removed"); err != nil {
		return err
	}
	return a.term.requireYes(ctx, yes, "remove "+a.term.shortenHome(loc.folders.SettingsFile)+" and "+a.term.shortenHome(loc.folders.StateDir)+", including the history?")
}

// requireNoRotation returns an error if a rotation is in progress or if a journal
// cannot be read. left ends the sentence: it says what was left as it was.
func (loc locations) requireNoRotation(ctx context.Context, left string) error {
	rotations, problems := loc.openJournal().Load(ctx)
	if len(problems) > 0 {
		return problems[0]
	}
	if len(rotations) == 0 {
		return nil
	}
	var profiles []string
	for _, r := range rotations {
		profiles = append(profiles, r.Profiles()...)
	}
	advice := "keyd status shows when it ends; keyd uninstall without --purge keeps what it needs"
	if len(rotations) > 1 {
		return hintedError(advice, "%d rotations are in progress, of %s, and the state folder holds their keys: %s", len(rotations), joinNames(profiles), left)
	}
	return hintedError(advice, "a rotation of %s is in progress, and the state folder holds its keys: %s", joinNames(profiles), left)
}

// noteOpenRotations names the rotations that nothing continues once the service is
// gone: their keys, how far they are, and what to do.
func (a *app) noteOpenRotations(loc locations, rotations []*journal.Rotation) {
	status, err := state.LoadStatus(loc.folders.StateDir)
	if err != nil {
		status = state.Status{} // the journal alone says enough
	}
	for _, r := range rotations {
		keys := shortID(r.Old.ID)
		if r.New.ID != "" {
			keys += " to " + shortID(r.New.ID)
		}
		text, run := describeOpen(r, status)
		what := "rotation of"
		if r.IsRetirement() {
			what, keys = "the end of", shortID(r.Old.ID)
		}
		a.term.printNote("in progress: %s %s, %s; %s", what, joinNames(r.Profiles()), keys, text)
		a.term.printHint(run)
	}
}

// existing returns those of the paths that exist, as people read them.
func (a *app) existing(loc locations, paths ...string) (found []string) {
	for _, path := range paths {
		if _, err := loc.sys.Lstat(path); err == nil {
			found = append(found, a.term.shortenHome(path))
		}
	}
	return found
}

// describeOpen says how far a rotation is and what happens next, and returns the
// command that continues it. status is what the last pass found.
func describeOpen(r *journal.Rotation, status state.Status) (text, run string) {
	command := func(words string) string {
		if len(r.Places) == 0 { // no profile is left that the command would know
			return words
		}
		return hint.Command(words, r.Places[0].Profile)
	}
	text, run = strings.NewReplacer(".\n", "; ", "\n", "; ").Replace(decide.DescribeRotation(r)), "to finish it, from time to time: "+command("keyd rotate")+"; or: keyd install"
	text += "; without the service nothing finishes this, and " + shortID(r.Old.ID) + " stays at AWS"
	i := slices.IndexFunc(status.Keys, func(l state.KeyStatus) bool {
		return l.InRotation && (l.KeyID == r.Old.ID || l.KeyID == r.NewestID())
	})
	if i < 0 {
		return text, run
	}
	l := status.Keys[i]
	switch {
	case !r.Held.IsZero():
		text, run = stripPackages(l.Why), command("keyd resume")
	case l.NeedsPerson:
		text, run = stripPackages(l.Why), cmp.Or(l.Hint, command("keyd rotate"))
	}
	return string(l.State) + ": " + text, run
}

// purgeState removes keyd's own files and nothing else. It checks for rotations
// once more: the daemon was running until a moment ago.
func (a *app) purgeState(ctx context.Context, loc locations) error {
	if state.DaemonRunning(loc.folders.StateDir) {
		return usageError("stop it, then: keyd uninstall --purge", "keyd run is still running here: the settings and the state were left in place")
	}
	if err := loc.requireNoRotation(ctx, "the settings and the state were left in place"); err != nil {
		return err
	}
	there := a.existing(loc, loc.folders.SettingsFile, loc.folders.StateDir)
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
	if len(there) == 0 {
		a.term.printParagraph("there were no settings and no state to remove")
		return nil
	}
	a.term.printParagraph("removed: %s", joinNames(there))
	return nil
}
