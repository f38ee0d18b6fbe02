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
without it, AWS's refusal cannot be told from a missing permission.

--second-user is for two machines that share the user of PROFILE's key, and so block
each other: AWS allows two keys, and a rotation needs a free one. It prints commands
of the AWS CLI that make a second user with the same permissions. --terraform prints
it for Terraform. keyd itself runs none of that.`

const policyExample = `  keyd policy work > keyd-policy.json
  aws iam put-user-policy --user-name USER --policy-name keyd --policy-document file://keyd-policy.json
  keyd policy --second-user work > second-user.sh`

func newPolicyCommand(a *app) *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:               "policy [PROFILE]",
		Short:             "print the smallest IAM policy that keyd needs",
		Long:              policyLong,
		Example:           policyExample,
		Args:              limitArgs(0, 1, "at most one profile"),
		ValidArgsFunction: a.completeProfiles(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.secondUser != "" && len(args) == 0:
				return usageError("keyd status", "--second-user needs a profile, whose user two machines share: keyd policy --second-user PROFILE")
			case o.secondUser == "" && o.terraform:
				return usageError("keyd policy --second-user --terraform -h", "--terraform is for --second-user only")
			case o.secondUser != "":
				return a.printSecondUser(cmd.Context(), args[0], o)
			}
			return a.printPolicy(cmd.Context(), args, o)
		},
	}
	cmd.Flags().BoolVar(&o.required, "required", false, "leave out the optional permissions")
	cmd.Flags().BoolVar(&o.mfa, "mfa", false, "allow it with MFA only, and what keyd needs to ask for a code")
	cmd.Flags().StringVar(&o.secondUser, "second-user", "", "print how to make a user for another machine; =`NAME` names it, otherwise -2 is put behind the name of the first")
	cmd.Flags().Lookup("second-user").NoOptDefVal = suggestedUser
	cmd.Flags().BoolVar(&o.terraform, "terraform", false, "with --second-user: print it for Terraform")
	return cmd
}

// policyOptions are the flags of keyd policy.
type policyOptions struct {
	required, mfa, terraform bool
	secondUser               string // "" for none
}

func (a *app) printPolicy(ctx context.Context, names []string, o policyOptions) error {
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
	text, err := rotate.Policy(profile, status, a.getenv, !o.required, o.mfa)
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
