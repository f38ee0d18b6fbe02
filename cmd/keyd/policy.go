package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const policyLong = `Print the smallest IAM policy that lets keyd rotate a user's key, as JSON, for
the administrator of the account. The policy covers only the user's own keys.

With PROFILE, the policy fits the partition and the path of the user who owns
the profile's key, as far as a pass has seen them. Otherwise it fits a user
without a path in the partition aws. No call to AWS is made.

The statements called Optional allow reading when the old key was last used, and
writing the description that the console shows: a tag of the user whose key is the
id of the access key. No other tag can be set with them, since tags may decide what
a user may do. The last one lets keyd read these descriptions when it verifies the
history. --required leaves these statements out.

--mfa allows all of that with MFA only: keyd asks for a code then, or mfa_process,
and a thief of the key alone can make no other one. Set mfa_serial in the profile:
without it, AWS's refusal cannot be told from a missing permission.`

const policyExample = `  keyd policy work > keyd-policy.json
  aws iam put-user-policy --user-name USER --policy-name keyd --policy-document file://keyd-policy.json`

func newPolicyCommand(a *app) *cobra.Command {
	var required, mfa bool
	cmd := &cobra.Command{
		Use:               "policy [PROFILE]",
		Short:             "print the smallest IAM policy that keyd needs",
		Long:              policyLong,
		Example:           policyExample,
		Args:              limitArgs(0, 1, "at most one profile"),
		ValidArgsFunction: a.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.printPolicy(cmd.Context(), args, !required, mfa)
		},
	}
	cmd.Flags().BoolVar(&required, "required", false, "leave out the optional permissions")
	cmd.Flags().BoolVar(&mfa, "mfa", false, "allow it with MFA only, and what keyd needs to ask for a code")
	return cmd
}

func (a *app) printPolicy(ctx context.Context, names []string, optional, mfa bool) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	var profile credfile.Profile
	var status state.Status
	if len(names) > 0 {
		if profile, err = loc.findProfile(ctx, names[0]); err != nil {
			return err
		}
		if status, err = state.LoadStatusAndMemory(loc.folders.StateDir); err != nil {
			return err
		}
	}
	text, err := rotate.Policy(profile, status, a.getenv, optional, mfa)
	if err != nil {
		return err
	}
	a.term.print(text)
	return nil
}

// findProfile returns the profile of this name, with its key if it has one.
func (loc locations) findProfile(ctx context.Context, name string) (credfile.Profile, error) {
	snapshot, err := loc.store.Read(ctx)
	if err != nil {
		return credfile.Profile{}, err
	}
	i := slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool { return p.Name == name })
	if i >= 0 {
		return snapshot.Profiles[i], nil
	}
	return credfile.Profile{}, &rotate.UnknownProfileError{
		Name: name, Known: profileNames(snapshot.Profiles), Paths: loc.store.Paths,
	}
}
