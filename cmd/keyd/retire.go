package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const retireLong = `End the key of PROFILE, which no one uses, without a successor. keyd first shows
when AWS last saw it in use and where else it is on this machine, and asks.
It then makes the key inactive, and deletes it when the quarantine of the
settings is over. Until then, keyd hold PROFILE makes it active again and ends
the retirement. No file changes: take the profile out of the files when the key
is gone.

A key that was used within the overlap of the settings is refused, and so is one
whose use AWS does not tell. --force says that you know better; --yes only answers
the question.

An inactive key signs nothing, so it cannot be deleted by itself. keyd lets the
key of another profile of the same user do that. If there is none, keyd makes a
second key for the user, keeps it in its state folder until the first one is
deleted, and deletes it too.`

const retireExample = `  keyd retire old-laptop   show who used the key last, ask, and make it inactive
  keyd hold old-laptop     keep it after all`

func newRetireCommand(a *app) *cobra.Command {
	var yes, force bool
	cmd := &cobra.Command{
		Use:               "retire PROFILE",
		Short:             "end a key that no one uses",
		Long:              retireLong,
		Example:           retireExample,
		Args:              limitArgs(1, 1, "one profile"),
		ValidArgsFunction: a.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.retireKey(cmd.Context(), args[0], yes, force)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&force, "force", false, "retire the key although it was used lately, or AWS does not tell")
	return cmd
}

// retireKey shows how the profile's key would end, asks, and begins to end it.
func (a *app) retireKey(ctx context.Context, profile string, yes, force bool) error {
	d, loc, err := a.openDaemon("retire")
	if err != nil {
		return err
	}
	if err := a.noteEndpoints(ctx, loc, []string{profile}); err != nil {
		return err
	}
	busy := a.startBusy()
	defer busy.stop()
	d.OnWait = busy.wait
	d.Search = a.machine(loc).Search
	p, err := d.PlanRetirement(ctx, profile, force)
	busy.wait("")
	if err != nil {
		return a.printRefusal(err, profile)
	}
	a.printRetirement(p, d)
	if p.Copy != "" {
		a.term.printNote("%s is also in %s, which this keyd does not read: it stops working there too", shortID(p.KeyID), p.Copy)
	}
	if p.Found != nil {
		a.term.printNote("%s: it stops working there too", p.Found.DescribeFound(profile))
	}
	if err := a.term.requireYes(ctx, yes, fmt.Sprintf("retire %s?", shortID(p.KeyID))); err != nil {
		return err
	}
	defer state.BeginWork(loc.sys, loc.folders.StateDir, state.Work{Command: "keyd retire", Since: a.now(), Profiles: []string{profile}})()
	n := a.newNarrator(d.Settings)
	d.OnEvent = func(e rotate.Event) { busy.aside(func() { n.printEvent(e) }) }
	r, err := d.Retire(ctx, p)
	busy.stop()
	if err != nil {
		return a.printRefusal(err, profile)
	}
	if code := n.printResult(ctx, r); code != exitDone {
		return exitError(code)
	}
	if r.Rotation != nil {
		a.hintDaemon(loc)
	}
	return nil
}

// printRetirement says what would happen to a key, and when.
func (a *app) printRetirement(p rotate.RetirePlan, d *rotate.Rotator) {
	now := a.now()
	used := describeLastUse(p.LastUse, now)
	switch {
	case p.Unread:
		used = "AWS does not tell when it was used"
	case p.LastUse == nil && !p.Quiet.IsZero():
		used = fmt.Sprintf("used only by keyd for %s", formatAge(now.Sub(p.Quiet)))
	}
	a.term.printParagraph("%s of user %s, in %s: %s, %s", p.KeyID, p.User, joinNames(p.Profiles), ageOf(p.Created, now), used)
	printStep := func(lead, text string) { a.term.printBehind(lead, text, len("  now       ")) }
	printStep("  now       ", "it becomes inactive; until it is deleted, this makes it usable again: "+hint.Command("keyd hold", p.Profiles[0]))
	printStep(fmt.Sprintf("  in %-6s ", formatDuration(d.Settings.Quarantine)), "it is deleted; no file changes")
	if p.Signer != "" {
		printStep("  ", fmt.Sprintf("signed by %s, the key of %s, to which nothing happens", shortID(p.SignerID), p.Signer))
	} else {
		printStep("  ", fmt.Sprintf("signed by a second key of %s, which keyd makes for this, keeps in its state folder, and deletes at the end", p.User))
	}
}
