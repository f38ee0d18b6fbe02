package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `keyd replaces the access keys in ~/.aws/credentials before they get old,
without ever locking you out. It creates a new key, proves that AWS accepts it,
writes it into the files and validates it. Only later does it deactivate and
delete the old key.

Wherever a command takes PROFILE, it also takes the id of a key, whole or as
keyd prints it: keyd rotate AKIA..7Q2F`

const rootExample = `  keyd status             the state of every key, without asking AWS
  keyd rotate --dry-run   what would change, line by line; changes nothing
  keyd install            start keyd at every login`

// The groups in which help lists the commands.
const (
	groupLook    = "look"
	groupAct     = "act"
	groupPlaces  = "places"
	groupService = "service"
	groupMore    = "more"
)

var groups = []*cobra.Group{{ID: groupLook, Title: "Look:"}, {ID: groupAct, Title: "Act:"}, {ID: groupPlaces, Title: "Other places that use the key:"},
	{ID: groupService, Title: "Service:"}, {ID: groupMore, Title: "More:"}}

// command is a command of keyd and its group.
type command struct {
	name, group string
	build       func(*app) *cobra.Command
}

// commands lists keyd's commands, in the order of the help.
var commands = []command{
	{"status", groupLook, newStatusCommand},
	{"explain", groupLook, newExplainCommand},
	{"where", groupLook, newWhereCommand},
	{"history", groupLook, newHistoryCommand},
	{"report", groupLook, newEvidenceCommand},
	{"doctor", groupLook, newDoctorCommand},
	{"config", groupLook, newConfigCommand},

	{"rotate", groupAct, newRotateCommand},
	{"hold", groupAct, newHoldCommand},
	{"resume", groupAct, newResumeCommand},
	{"prune", groupAct, newPruneCommand},
	{"retire", groupAct, newRetireCommand},

	{"link", groupPlaces, newLinkCommand},
	{"unlink", groupPlaces, newUnlinkCommand},
	{"hook", groupPlaces, newHookCommand},
	{"credentials", groupPlaces, newCredentialsCommand},

	{"install", groupService, newInstallCommand},
	{"uninstall", groupService, newUninstallCommand},
	{"start", groupService, newStartCommand},
	{"stop", groupService, newStopCommand},
	{"restart", groupService, newRestartCommand},
	{"logs", groupService, newLogsCommand},
	{"run", groupService, newRunCommand},
	{"logon", groupService, newLogonCommand},

	{"policy", groupMore, newPolicyCommand},
	{"demo", groupMore, newDemoCommand},
	{"version", groupMore, newVersionCommand},
}

func init() { cobra.EnableCommandSorting = false } // help keeps the order of commands

// newRootCommand builds keyd's commands. If the first argument names one of them,
// it builds only that one: shell prompts run keyd status, and building all the
// commands would take a tenth of its time.
func newRootCommand(a *app, args []string) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           cmp.Or(a.name, "keyd"),
		Short:         "rotate the access keys in ~/.aws/credentials",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return usageError(suggestCommand(args[0], commandNames(cmd)), "unknown command %q", args[0])
			case version, a.verbose: // keyd -v, as with most programs
				a.term.print(buildVersion() + "\n")
				return nil
			}
			return cmd.Help()
		},
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: a.acceptKeyIDs,
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.PersistentFlags().BoolVarP(&a.term.quiet, "quiet", "q", false, "print no notes, and no hints without an error")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "print the log of what is done to standard error")
	root.PersistentFlags().BoolP("help", "h", false, "explain the command")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return explainFlagError(cmd, err, args) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		a.term.print(formatUsage(cmd))
		return nil
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.term.print(a.term.formatHelp(cmd)) })
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.AddGroup(groups...)
	for _, c := range commands {
		if len(args) > 0 && c.name == args[0] {
			root.AddCommand(c.build(a))
			a.nameHelp(root)
			root.CompletionOptions.DisableDefaultCmd = true
			return root
		}
	}
	for _, c := range commands {
		built := c.build(a)
		built.GroupID = c.group
		root.AddCommand(built)
	}
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	root.AddCommand(newTopics(a)...)
	a.nameHelp(root)
	rejectUnknownWords(root)
	completeNoFiles(root)
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
		return usageError(cmd.CommandPath()+" -h", "%s takes %s: %s", cmd.Name(), text, strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
}
