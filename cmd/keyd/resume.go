package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const resumeLong = `Go on with a rotation that was held, or that stopped because another key was put
into the files meanwhile. Such a place is let be. When no profile shows a key of
the rotation any more it is given up: the new key is deleted, and the old one
stays as it is.`

func newResumeCommand(u *ui) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "resume PROFILE",
		Short:             "go on with a rotation that was held or that stopped",
		Long:              resumeLong,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: u.completeProfiles(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return u.resumeRotation(cmd.Context(), args[0], yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "agree to give the rotation up when no profile shows its keys any more")
	return cmd
}

func (u *ui) resumeRotation(ctx context.Context, profile string, yes bool) error {
	d, s, err := u.openDaemon("resume")
	if err != nil {
		return err
	}
	rotation, err := d.GivesUp(ctx, profile)
	if err != nil {
		return err
	}
	if rotation != nil {
		question := "no profile shows " + rotation.Old.String() + " or " + rotation.New.String() +
			" any more: give the rotation up and delete " + rotation.New.String() + "?"
		if away := d.Away(rotation); away != "" {
			question = away + " is not there, perhaps on a disk that is not mounted: give the rotation up and delete " +
				rotation.New.String() + ", which would stop working there?"
		}
		if err := u.requireYes(ctx, yes, question); err != nil {
			return err
		}
	}
	if err := u.noteEndpoints(ctx, s, []string{profile}); err != nil {
		return err
	}
	err = u.changeRotation(ctx, d, func(ctx context.Context) (daemon.Result, error) { return d.Resume(ctx, profile) })
	if daemon.NoRotation(err) {
		return hinted(daemon.Command("keyd status", profile), "%v: nothing to resume%s", err, u.describeState(ctx, profile))
	}
	return err
}

// describeState tells how keyd status shows a profile; "" when it cannot.
func (u *ui) describeState(ctx context.Context, profile string) string {
	r, err := u.buildReport(ctx, []string{profile}, daemon.LoadStatus)
	if err != nil || len(r.Keys) == 0 {
		return ""
	}
	return fmt.Sprintf(". Its state is %s: %s", r.Keys[0].State, stripPackages(r.Keys[0].Why))
}
