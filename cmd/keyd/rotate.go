package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const rotateLong = `Do one pass now, in this process: look at every key, or at those of the
profiles named, and do what is due. Profiles that share a key change together.

A key that is due is replaced: a new one is made, proven, written into the
files and validated. The old one stays usable for the overlap, is then
deactivated, and deleted after the quarantine: by keyd run, or by the passes of
later keyd rotate.`

type rotateFlags struct{ dryRun, force, retireNow, yes bool }

func newRotateCommand(u *ui) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:               "rotate [PROFILE...]",
		Short:             "replace the keys that are due, now",
		Long:              rotateLong,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: u.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return u.rotateKeys(cmd.Context(), args, f)
		},
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done and which values would change; change nothing")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace keys that are not due yet too")
	cmd.Flags().BoolVar(&f.retireNow, "retire-now", false, "deactivate and delete the old key at once, without overlap and quarantine")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "agree to what would be asked")
	return cmd
}

func (u *ui) rotateKeys(ctx context.Context, names []string, f rotateFlags) error {
	d, s, err := u.openDaemon("rotate")
	if err != nil {
		return err
	}
	if err := u.confirmRotate(ctx, names, f); err != nil {
		return err
	}
	if err := u.noteEndpoints(ctx, s, names); err != nil {
		return err
	}
	n := &narrator{ui: u, settings: d.Settings, named: len(names) > 0, acted: map[string]bool{}}
	d.Tell = n.printEvent
	results, err := d.Pass(ctx, daemon.Request{
		Ask:      daemon.Ask{Person: true, Force: f.force, RetireNow: f.retireNow},
		Profiles: names, DryRun: f.dryRun,
	})
	if results == nil && err != nil {
		return err
	}
	if !f.dryRun { // which saves no status
		u.printStatusNotes(s)
	}
	u.noteUnknownProfiles(ctx, s, d.Settings, results...)
	code, open := exitDone, false
	for _, r := range results {
		code = worseCode(code, n.printResult(ctx, r))
		open = open || r.Rotation != nil
	}
	if open && ctx.Err() == nil && !daemon.Lives(s.folders.State) {
		u.printHint("no daemon runs here to finish this: keyd install")
	}
	switch {
	case err != nil:
		return err
	case len(results) == 0:
		return &noKeyError{s.store.Paths.Credentials}
	case ctx.Err() != nil:
		return n.interruptedError(ctx, results, code)
	case code != exitDone:
		return exitError(code)
	}
	return nil
}

// printStatusNotes tells what a pass found out that concerns no single key.
func (u *ui) printStatusNotes(s locations) {
	status, err := daemon.LoadStatus(s.folders.State)
	if err != nil {
		return // the pass has just written it; its own error says more
	}
	for _, text := range status.Notes {
		u.printNote("%s", stripPackages(text))
	}
}

// confirmRotate asks where more might happen than the person thinks of.
func (u *ui) confirmRotate(ctx context.Context, names []string, f rotateFlags) error {
	switch {
	case f.dryRun:
		return nil
	case f.retireNow:
		return u.requireYes(ctx, f.yes, "--retire-now ends the old key at once, also for programs that still use it: go on?")
	case f.force && len(names) == 0:
		return u.requireYes(ctx, f.yes, "--force without a profile replaces every key in the files: go on?")
	}
	return nil
}

// interruptedError tells what Ctrl-C left undone. A rotation that goes on has told
// where it stands, and one that has ended that it did.
func (n *narrator) interruptedError(ctx context.Context, results []daemon.Result, code int) error {
	var undone []string
	changed := len(n.acted) > 0
	for _, r := range results {
		changed = changed || r.Rotation != nil
		if r.Rotation == nil && errors.Is(r.Err, context.Cause(ctx)) && !n.acted[joinNames(r.Profiles)] {
			undone = append(undone, r.Profiles...)
		}
	}
	switch {
	case len(undone) > 0 && changed:
		return fmt.Errorf("%w: nothing was begun with %s", context.Cause(ctx), joinNames(undone))
	case len(undone) > 0:
		return fmt.Errorf("%w: nothing was changed", context.Cause(ctx))
	case code != exitDone:
		return exitError(code)
	}
	return nil // it came when all was done
}

// noKeyError is files without a single profile.
type noKeyError struct{ path string }

func (e *noKeyError) Error() string { return "there is no profile in " + e.path }

// Hint makes one.
func (e *noKeyError) Hint() string { return "aws configure" }

// narrator tells a person what a pass does, while it does it.
type narrator struct {
	*ui
	settings daemon.Settings
	named    bool            // the person has named the profiles
	heading  string          // the profiles that the last line was about
	acted    map[string]bool // the profiles with whose key something was done
	waited   time.Time
}

// progressEvery is how often a wait is told where no line can be redrawn.
const progressEvery = 10 * time.Second

func (n *narrator) printEvent(e daemon.Event) {
	n.printHeading(e)
	switch {
	case e.Verb == "begin":
	case !e.Progress:
		n.waited, n.acted[n.heading] = time.Time{}, true
		n.printStep(e.Verb, e.Text)
	case n.hasScreen():
		n.redrawLine(n.shortenHome(formatWait(e)))
	case n.waited.IsZero() || e.Time.Sub(n.waited) >= progressEvery:
		n.waited = e.Time
		n.print(n.shortenHome(formatWait(e)) + "\n")
	}
}

// printHeading begins a paragraph when another key has its turn.
func (n *narrator) printHeading(e daemon.Event) {
	about := joinNames(e.Profiles)
	if about == n.heading && e.Verb != "begin" {
		return
	}
	n.heading, n.waited = about, time.Time{}
	if e.Verb == "begin" {
		n.printf("%s: %s\n", about, e.Text)
		return
	}
	n.printf("%s: going on with the rotation of %s\n", about, shortID(e.Key))
}

func (n *narrator) printStep(verb, text string) {
	n.printf("  %-11s %s\n", verb, n.shortenHome(stripPackages(text)))
}
