package main

import (
	"context"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const holdLong = `Pause the rotation of a profile's key, and make its old key usable again when it
is inactive already. The files go on showing the new key. Nothing happens to
either key until keyd resume.`

func newHoldCommand(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:               "hold PROFILE",
		Short:             "pause a rotation and make its old key usable again",
		Long:              holdLong,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: u.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, s, err := u.openDaemon("hold")
			if err != nil {
				return err
			}
			if err := u.noteEndpoints(cmd.Context(), s, args); err != nil {
				return err
			}
			return u.changeRotation(cmd.Context(), d, func(ctx context.Context) (daemon.Result, error) {
				return d.Hold(ctx, args[0])
			})
		},
	}
}

// changeRotation does what a person asks of one rotation and tells how it ended.
func (u *ui) changeRotation(ctx context.Context, d *daemon.Daemon, change func(context.Context) (daemon.Result, error)) error {
	n := &narrator{ui: u, settings: d.Settings, acted: map[string]bool{}}
	d.Tell = n.printEvent
	r, err := change(ctx)
	if r.Rotation != nil && !r.Rotation.Held.IsZero() && (err != nil || r.State != daemon.Held) {
		n.printNote("the hold of %s is noted and lasts until keyd resume, but there is more", joinNames(r.Profiles))
	}
	if err != nil {
		return err
	}
	if code := n.printResult(ctx, r); code != exitDone {
		return exitError(code)
	}
	if r.Rotation != nil && r.Rotation.Held.IsZero() && !daemon.Lives(d.State) {
		u.printHint("no daemon runs here to finish this: keyd install")
	}
	return nil
}
