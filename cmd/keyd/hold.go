package main

import (
	"context"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const holdLong = `Pause the rotation of a profile's key. If the old key is inactive already, make
it usable again. The files keep showing the new key, and neither key changes
until keyd resume.

If AWS refuses the new key, because someone has made it inactive or deleted it,
the old pair is written back into the files. keyd resume then deletes the new key
and ends the rotation; the old key is replaced later.

A key that keyd retire is ending works again, and stays. Nothing is left to resume
then.`

const holdExample = `  keyd hold work     both keys work from now on
  keyd resume work   continue`

func newHoldCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "hold PROFILE",
		Short:             "pause a rotation and make its old key usable again",
		Long:              holdLong,
		Example:           holdExample,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: a.completeRotations(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, loc, err := a.openDaemon("hold")
			if err != nil {
				return err
			}
			if err := a.noteEndpoints(cmd.Context(), loc, args); err != nil {
				return err
			}
			return a.changeRotation(cmd.Context(), d, loc, args[0], func(ctx context.Context) (rotate.Result, error) {
				return d.Hold(ctx, args[0])
			})
		},
	}
}

// changeRotation runs change, which holds or resumes one rotation, and prints how
// it ended. profile is what the person has named.
func (a *app) changeRotation(ctx context.Context, d *rotate.Rotator, loc locations, profile string, change func(context.Context) (rotate.Result, error)) error {
	defer state.BeginWork(loc.sys, loc.folders.StateDir, state.Work{Command: "keyd " + d.Process, Since: a.now(), Profiles: []string{profile}})()
	n := a.newNarrator(d.Settings)
	busy := a.startBusy()
	defer busy.stop()
	d.OnWait = busy.wait
	d.OnEvent = func(e rotate.Event) { busy.aside(func() { n.printEvent(e) }) }
	r, err := change(ctx)
	busy.stop()
	if r.Rotation != nil && !r.Rotation.Held.IsZero() && (err != nil || r.State != decide.StateHeld) {
		n.term.printNote("the hold on %s is in place until keyd resume, but there is another problem", joinNames(r.Profiles))
	}
	if err != nil {
		return err
	}
	if code := n.printResult(ctx, r); code != exitDone {
		return exitError(code)
	}
	if r.Rotation != nil && r.Rotation.Held.IsZero() {
		a.hintDaemon(loc)
	}
	return nil
}
