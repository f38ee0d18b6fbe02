package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const resumeLong = `Continue a rotation that was held, or that stopped because someone put another
key into the files. keyd leaves the other key alone. If no profile shows a key
of the rotation any more, the rotation is given up: the new key is deleted, and
the old one stays as it is.

If keyd can no longer end a key that you retire, because someone has ended the key
that was to do it, keyd resume says that you have deleted both in the console.`

const resumeExample = `  keyd resume work`

func newResumeCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "resume PROFILE",
		Short:             "continue a rotation that was held or that stopped",
		Long:              resumeLong,
		Example:           resumeExample,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: a.completeRotations(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.resumeRotation(cmd.Context(), args[0], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "agree to give up a rotation whose keys no profile shows any more")
	return cmd
}

func (a *app) resumeRotation(ctx context.Context, profile string, yes bool) error {
	d, loc, err := a.openDaemon("resume")
	if err != nil {
		return err
	}
	rotation, err := d.RotationToGiveUp(ctx, profile)
	if err != nil {
		return a.explainMissing(ctx, loc, err)
	}
	if rotation != nil {
		question := fmt.Sprintf("no profile shows %s or %s any more: give up the rotation and delete %s?", rotation.Old, rotation.New, rotation.New)
		if path := d.MissingFile(rotation); path != "" {
			question = fmt.Sprintf("%s is missing, perhaps on a disk that is not mounted: give up the rotation and delete %s, which would stop working there?", path, rotation.New)
		}
		for _, h := range rotation.Hooks {
			if h.KeyID == rotation.New.ID {
				question += fmt.Sprintf(" Hook %s has brought it to its place, where it would stop working.", h.Name)
			}
		}
		if err := a.term.requireYes(ctx, yes, question); err != nil {
			return err
		}
	}
	if err := a.noteEndpoints(ctx, loc, []string{profile}); err != nil {
		return err
	}
	err = a.changeRotation(ctx, d, loc, profile, func(ctx context.Context) (rotate.Result, error) { return d.Resume(ctx, profile) })
	if rotate.IsNoRotation(err) {
		return hintedError(hint.Command("keyd status", profile), "%v: nothing to resume%s", err, a.describeState(ctx, profile))
	}
	return err
}

// describeState returns a sentence with the state that keyd status shows for a
// profile, or "" if it shows none.
func (a *app) describeState(ctx context.Context, profile string) string {
	r, err := a.buildReport(ctx, []string{profile}, state.LoadStatus)
	if err != nil || len(r.Keys) == 0 {
		return ""
	}
	return fmt.Sprintf(". Its state is %s: %s", r.Keys[0].State, stripPackages(r.Keys[0].Why))
}
