package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `keyd keeps the access keys in ~/.aws/credentials young without ever locking
their owner out. It makes a new key, proves it, writes it in place, validates
it, and only later deactivates and deletes the old one.

Exit codes: 0 done, 1 failed, 2 usage, 3 a key needs a person.`

// newRootCommand puts the commands together for these arguments. When they name one of
// the commands outright the others are left out: keyd status runs in shell
// prompts, and building a dozen commands takes a tenth of its time.
func newRootCommand(u *ui, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "keyd",
		Short:         "rotate the access keys in ~/.aws/credentials",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usage(suggestNearest(args[0], cmd.SuggestionsFor(args[0]), "keyd help"), "unknown command %q", args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(explainFlagError)
	root.SetIn(u.in)
	root.SetOut(u.out)
	root.SetErr(u.err)
	commands := map[string]func(*ui) *cobra.Command{
		"status": newStatusCommand, "rotate": newRotateCommand, "hold": newHoldCommand, "resume": newResumeCommand,
		"prune": newPruneCommand, "history": newHistoryCommand, "policy": newPolicyCommand, "run": newRunCommand, "demo": newDemoCommand, "version": newVersionCommand,
		"install": newInstallCommand, "uninstall": newUninstallCommand, "start": newStartCommand, "stop": newStopCommand, "restart": newRestartCommand, "logon": newLogonCommand, "logs": newLogsCommand,
	}
	if len(args) > 0 && commands[args[0]] != nil {
		root.AddCommand(commands[args[0]](u))
		root.CompletionOptions.DisableDefaultCmd = true
		return root
	}
	for _, command := range commands {
		root.AddCommand(command(u))
	}
	rejectUnknownWords(root)
	return root
}

// limitArgs refuses another number of arguments. most < 0 is any.
func limitArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		text := cmp.Or(what, "no argument")
		return usage(strings.TrimSuffix(cmd.UseLine(), " [flags]"), "%s takes %s", cmd.Name(), text)
	}
}
