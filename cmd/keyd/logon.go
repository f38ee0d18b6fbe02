package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

const logonLong = `Do what keyd run does, with the environment variables given. A logon task of
Windows has no environment of its own, and shows a console to a program that
has one: this is what keyd install writes into it.`

func newLogonCommand(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:    "logon [NAME=VALUE...]",
		Short:  "run, as a logon task starts it",
		Long:   logonLong,
		Hidden: true,
		Args:   limitArgs(0, -1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				name, value, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return usage("keyd run", "logon takes NAME=VALUE, not %q", arg)
				}
				if err := os.Setenv(name, value); err != nil {
					return err
				}
			}
			closeConsole()
			return u.runDaemon(cmd.Context())
		},
	}
}
