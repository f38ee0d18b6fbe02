package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam/remote"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const pruneLong = `Delete the second key of the user who owns PROFILE's key, to make room for a
new one. keyd first shows when the second key was last used.

An active key has to be named by its id. It is only made inactive, which can be
undone; a second keyd prune deletes it. keyd never prunes a key that a profile
shows, nor an active key that is newer than PROFILE's or younger than a day:
another machine may have made it in place of PROFILE's, and would be locked out.
The id alone will do, whole or as keyd prints it: keyd prune KEY-ID

After a lost answer from AWS, a rotation may wait for a person to decide about
a key that keyd may or may not have created. keyd prune PROFILE KEY-ID says
that no one needs the key. Once it is deleted, the rotation continues by
itself.`

const pruneExample = `  keyd prune work                        delete an inactive second key
  keyd prune work AKIAIOSFODNN7EXAMPLE   make an active one inactive`

func newPruneCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "prune PROFILE [KEY-ID]",
		Short:             "delete an inactive second key of the same user",
		Long:              pruneLong,
		Example:           pruneExample,
		Args:              limitArgs(1, 2, "a profile and at most one key id"),
		ValidArgsFunction: a.completePruned,
		RunE: func(cmd *cobra.Command, args []string) error {
			profile, id, err := a.findPruned(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				id = args[1]
			}
			return a.pruneKey(cmd.Context(), profile, id, yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// pruneKey makes the user's second key inactive, or deletes it if it is inactive
// already. id names the key; "" stands for the only one there is.
func (a *app) pruneKey(ctx context.Context, profile, id string, yes bool) error {
	d, loc, err := a.openDaemon("prune")
	if err != nil {
		return err
	}
	if err := a.noteEndpoints(ctx, loc, []string{profile}); err != nil {
		return err
	}
	busy := a.startBusy()
	defer busy.stop()
	d.OnWait = busy.wait
	p, err := d.FindSecondKey(ctx, profile, id)
	busy.wait("")
	if err != nil {
		return a.printRefusal(err, profile)
	}
	a.term.printParagraph("%s", a.describeKey(p))
	if p.Active && id == "" {
		a.term.printError(fmt.Sprintf("%s is still active; to deactivate it, name it", shortID(p.KeyID)),
			"if another machine uses it, give each machine its own IAM user: "+hint.Command("keyd policy --second-user", profile)+"; only if no one needs it, deactivate it: "+hint.Command("keyd prune", profile, p.KeyID))
		return exitError(exitPerson)
	}
	if lately := p.LastUse != nil && a.now().Sub(p.LastUse.At) < max(d.Settings.Overlap, 7*day); p.Active && lately {
		a.term.printNote("something has used %s lately, perhaps another machine: it stops working there", shortID(p.KeyID))
	}
	verb, done := "delete", "deleted"
	if p.Active {
		verb, done = "deactivate", "deactivated"
	}
	if err := a.term.requireYes(ctx, yes, fmt.Sprintf("%s %s?", verb, shortID(p.KeyID))); err != nil {
		return err
	}
	defer state.BeginWork(loc.sys, loc.folders.StateDir, state.Work{Command: "keyd prune", Since: a.now(), Profiles: []string{profile}})()
	err = d.Prune(ctx, p)
	busy.stop()
	if err != nil {
		return a.printRefusal(err, profile)
	}
	a.term.printf("%s %s\n", done, shortID(p.KeyID))
	if p.Suspect && !p.Active {
		a.term.printHint("the next pass continues the rotation; to do it now: " + hint.Command("keyd rotate", profile))
	}
	if p.Active {
		a.term.printHint("to undo it: " + hint.AWSCommand("aws iam update-access-key --access-key-id "+p.KeyID+" --status Active", profile))
		a.term.printHint("to delete it: " + hint.Command("keyd prune", profile, p.KeyID))
	}
	return nil
}

// printRefusal prints an error with a hint that names the profile.
func (a *app) printRefusal(err error, profile string) error {
	a.term.printError(nameSubject(stripPackages(err.Error()), profile), hint.HintFor(err, []string{profile}))
	return exitError(errorCode(err))
}

// nameSubject puts the profile before a text that does not say of which key it speaks.
func nameSubject(text, profile string) string {
	if hideWord(text, profile) != text || credfile.NamesKey(text) {
		return text
	}
	return profile + ": " + text
}

func (a *app) describeKey(p rotate.PruneCandidate) string {
	state := "inactive"
	if p.Active {
		state = "active"
	}
	now := a.now()
	return fmt.Sprintf("%s of user %s: %s, %s, %s", p.KeyID, p.User, state, ageOf(p.Created, now), describeLastUse(p.LastUse, now))
}

// describeLastUse says when, by which service and where a key was last used; nil is unknown.
func describeLastUse(u *remote.Use, now time.Time) string {
	switch {
	case u == nil:
		return "last use unknown"
	case u.At.IsZero():
		return "never used"
	}
	return fmt.Sprintf("last used %s by %s in %s", formatAgo(now.Sub(u.At)), u.Service, u.Region)
}

// ageOf says how old a key is; an IAM may list it without a date.
func ageOf(created, now time.Time) string {
	if created.Year() < 1970 {
		return "of unknown age"
	}
	return formatAge(now.Sub(created)) + " old"
}
