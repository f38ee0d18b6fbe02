package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `keyd replaces the access keys in ~/.aws/credentials before they get old,
without ever locking their owner out. It creates a new key, proves that AWS
accepts it, writes it into the files and validates it. Only later does it
deactivate and delete the old key.

Exit codes: 0 done, 1 failed, 2 usage, 3 a key needs a person, 4 keyd run: another
daemon is running already.`

// newRootCommand builds keyd's commands. If the first argument names one of them,
// it builds only that one: shell prompts run keyd status, and building all the
// commands would take a tenth of its time.
func newRootCommand(a *app, args []string) *cobra.Command {
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
			return usageError(suggestNearest(args[0], commandNames(cmd), "keyd help"), "unknown command %q", args[0])
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(explainFlagError)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	commands := map[string]func(*app) *cobra.Command{
		"status": newStatusCommand, "rotate": newRotateCommand, "hold": newHoldCommand, "resume": newResumeCommand,
		"prune": newPruneCommand, "history": newHistoryCommand, "policy": newPolicyCommand,
		"run": newRunCommand, "logon": newLogonCommand, "logs": newLogsCommand,
		"install": newInstallCommand, "uninstall": newUninstallCommand,
		"start": newStartCommand, "stop": newStopCommand, "restart": newRestartCommand,
		"demo": newDemoCommand, "version": newVersionCommand,
	}
	if len(args) > 0 && commands[args[0]] != nil {
		root.AddCommand(commands[args[0]](a))
		root.CompletionOptions.DisableDefaultCmd = true
		return root
	}
	for _, command := range commands {
		root.AddCommand(command(a))
	}
	rejectUnknownWords(root)
	return root
}

// limitArgs refuses fewer than least arguments, and more than most unless most is
// negative. what says in the error message which arguments the command takes.
func limitArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		text := cmp.Or(what, "no argument")
		return usageError(strings.TrimSuffix(cmd.UseLine(), " [flags]"), "%s takes %s", cmd.Name(), text)
	}
}
