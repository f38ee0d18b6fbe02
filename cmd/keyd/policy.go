package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon"
)

const policyLong = `Print the least IAM policy with which keyd can rotate the key of a user, as JSON,
for whoever manages the account. It concerns the user's own keys alone.

With PROFILE it is for the partition and the path of the user whose key the
profile holds, as far as a pass has seen them; else for a user without a path in
the partition aws. Nothing is asked of AWS.

The second statement is what keyd can do without: when the old key was last used,
and the description that the console shows. --required leaves it out.`

func newPolicyCommand(u *ui) *cobra.Command {
	var required bool
	cmd := &cobra.Command{
		Use:               "policy [PROFILE]",
		Short:             "print the least IAM policy that keyd needs",
		Long:              policyLong,
		Args:              limitArgs(0, 1, "at most one profile"),
		ValidArgsFunction: u.completeProfiles(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return u.printPolicy(cmd.Context(), args, !required) },
	}
	cmd.Flags().BoolVar(&required, "required", false, "leave out what keyd can do without")
	return cmd
}

func (u *ui) printPolicy(ctx context.Context, names []string, optional bool) error {
	s, err := u.findLocations()
	if err != nil {
		return err
	}
	var profile credfile.Profile
	var status daemon.Status
	if len(names) > 0 {
		if profile, err = s.findProfile(ctx, names[0]); err != nil {
			return err
		}
		if status, err = daemon.Recall(s.folders.State); err != nil {
			return err
		}
	}
	text, err := daemon.Policy(profile, status, u.getenv, optional)
	if err != nil {
		return err
	}
	u.print(text)
	return nil
}

// findProfile is the one of this name, with its key if it has one.
func (s locations) findProfile(ctx context.Context, name string) (credfile.Profile, error) {
	snapshot, err := s.store.Read(ctx)
	if err != nil {
		return credfile.Profile{}, err
	}
	i := slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool { return p.Name == name })
	if i >= 0 {
		return snapshot.Profiles[i], nil
	}
	var known []string
	for _, p := range snapshot.Profiles {
		known = append(known, p.Name)
	}
	return credfile.Profile{}, &daemon.UnknownProfileError{Name: name, Known: known, Paths: s.store.Paths}
}
