package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const pruneLong = `Delete the second key of the user whose key PROFILE holds, so that there is room
for a successor. When it was last used is shown before anything happens.

An active key has to be named by its id. It is then made inactive only, which
can be undone; deleting it takes a second keyd prune. A key that a profile shows
is never pruned.

While a rotation waits for a person to say whose a key is that may have come
from a lost answer, keyd prune PROFILE KEY-ID says: nobody's. When the key is
deleted the rotation goes on by itself.`

func newPruneCommand(u *ui) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "prune PROFILE [KEY-ID]",
		Short:             "delete an inactive second key of the same user",
		Long:              pruneLong,
		Args:              limitArgs(1, 2, "a profile and at most one key id"),
		ValidArgsFunction: u.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return u.pruneKey(cmd.Context(), args[0], append(args, "")[1], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (u *ui) pruneKey(ctx context.Context, profile, id string, yes bool) error {
	d, s, err := u.openDaemon("prune")
	if err != nil {
		return err
	}
	if err := u.noteEndpoints(ctx, s, []string{profile}); err != nil {
		return err
	}
	p, err := d.Second(ctx, profile, id)
	if err != nil {
		return u.printRefusal(err, profile)
	}
	u.print(u.describeKey(p))
	if p.Active && id == "" {
		u.printError(fmt.Sprintf("%s is active: it is not touched unless it is named", shortID(p.ID)),
			"does nobody need it? "+daemon.Command("keyd prune", profile, p.ID))
		return exitError(exitPerson)
	}
	verb, did := "delete", "deleted"
	if p.Active {
		verb, did = "make inactive", "made inactive"
	}
	if err := u.requireYes(ctx, yes, fmt.Sprintf("%s %s?", verb, shortID(p.ID))); err != nil {
		return err
	}
	if err := d.Prune(ctx, p); err != nil {
		return u.printRefusal(err, profile)
	}
	u.printf("%s was %s\n", shortID(p.ID), did)
	if p.Suspect && !p.Active {
		u.printHint("the next pass goes on with the rotation; at once: " + daemon.Command("keyd rotate", profile))
	}
	if p.Active {
		u.printHint("to undo it: " + daemon.AsProfile("aws iam update-access-key --access-key-id "+p.ID+" --status Active", profile))
		u.printHint("to delete it: " + daemon.Command("keyd prune", profile, p.ID))
	}
	return nil
}

// printRefusal says what went wrong with a profile that the person has named.
func (u *ui) printRefusal(err error, profile string) error {
	u.printError(stripPackages(err.Error()), daemon.HintFor(err, []string{profile}))
	return exitError(errorCode(err))
}

func (u *ui) describeKey(p daemon.Prunable) string {
	state := "inactive"
	if p.Active {
		state = "active"
	}
	now := u.now()
	used := "when it was last used is not known"
	switch {
	case p.Used != nil && p.Used.At.IsZero():
		used = "never used"
	case p.Used != nil:
		used = fmt.Sprintf("last used %s, by %s in %s", formatAgo(now.Sub(p.Used.At)), p.Used.Service, p.Used.Region)
	}
	return fmt.Sprintf("%s of user %s: %s, %s old, %s\n", p.ID, p.User, state, formatAge(now.Sub(p.Created)), used)
}
