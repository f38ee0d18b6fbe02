package main

import (
	"context"

	"github.com/spf13/cobra"
)

const uninstallLong = `Stop the service and remove it. The settings and the state stay: a rotation that
goes on can be ended by keyd rotate, or by the next installation.

--purge removes the settings and the state too, with the history. It is refused
while a rotation goes on: the state is what knows both keys. A damaged journal,
which may hold the only copy of a secret key, is left, and it is said where.`

func newUninstallCommand(u *ui) *cobra.Command {
	var purge, yes bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "stop the service and remove it",
		Long:  uninstallLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return u.uninstallService(cmd.Context(), purge, yes) },
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the settings, the state and the history too")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before --purge")
	return cmd
}

func (u *ui) uninstallService(ctx context.Context, purge, yes bool) error {
	s, err := u.findLocations()
	if err != nil {
		return err
	}
	service, err := u.openService(s)
	if err != nil {
		return err
	}
	if purge {
		if err := u.checkPurge(ctx, s, yes); err != nil {
			return err
		}
	}
	installed, err := service.Uninstall()
	if err != nil {
		return err
	}
	if installed {
		u.printf("uninstalled: keyd does not start any more\n")
	} else {
		u.printf("keyd was not installed as a service\n")
	}
	if !purge {
		u.printNote("settings and state stay: %s, %s", s.folders.Settings, s.folders.State)
		return nil
	}
	return u.purgeState(ctx, s)
}
