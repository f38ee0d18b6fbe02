package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyd/daemon/hint"
)

// suggestNearest returns a question that names the word which was probably meant:
// the nearest one, or the shortest one that typed abbreviates. Without such a word
// it returns otherwise.
func suggestNearest(typed string, words []string, otherwise string) string {
	slices.SortStableFunc(words, func(a, b string) int { return len(a) - len(b) })
	typed = strings.ToLower(typed)
	if nearest := hint.Nearest(typed, words); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	i := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, typed) })
	if i < 0 || typed == "" {
		return otherwise
	}
	return "did you mean " + words[i] + "?"
}

// otherWords are the words that other programs use for what a command of keyd does.
var otherWords = map[string][]string{
	"status":    {"ls", "list", "show", "info", "get", "keys", "profiles"},
	"doctor":    {"check", "test", "diagnose", "health", "verify", "fix", "repair"},
	"config":    {"configure", "settings", "set", "options", "env"},
	"rotate":    {"renew", "replace", "refresh", "roll", "update", "new", "create"},
	"hold":      {"pause", "suspend", "undo", "revert", "rollback", "restore", "cancel"},
	"resume":    {"continue", "unpause", "unhold"},
	"prune":     {"delete", "remove", "rm", "del", "clean"},
	"retire":    {"deactivate", "disable", "revoke", "end"},
	"explain":   {"describe", "why"},
	"where":     {"find", "search", "scan", "grep"},
	"history":   {"audit", "events"},
	"logs":      {"log", "journal"},
	"install":   {"enable", "setup", "init", "login"},
	"uninstall": {"purge"},
	"run":       {"daemon", "serve"},
	"restart":   {"reload", "upgrade"},
	"hook":      {"hooks"},
}

// suggestCommand names the command that was probably meant, by its own name or by that of
// another program.
func suggestCommand(typed string, commands []string) string {
	for _, name := range commands {
		if slices.Contains(otherWords[name], strings.ToLower(typed)) {
			return "did you mean " + name + "?"
		}
	}
	return suggestNearest(typed, commands, "keyd help")
}

// commandNames returns the subcommands and topics that help lists, in its order.
func commandNames(parent *cobra.Command) (names []string) {
	for _, cmd := range parent.Commands() {
		if cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand() {
			names = append(names, cmd.Name())
		}
	}
	return names
}

// explainFlagError turns an error about a flag into a usage error, and suggests
// the flag that was probably meant. args is the whole command line.
func explainFlagError(cmd *cobra.Command, err error, args []string) error {
	help := cmd.CommandPath() + " -h"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if unknown.GetSpecifiedName() == "profile" && strings.Contains(cmd.Use, "PROFILE") {
			return usageError(withoutProfileFlag(cmd, args), "%s: profiles are arguments, without --profile", cmd.Name())
		}
		var flags []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
		help = suggestNearest("--"+unknown.GetSpecifiedName(), flags, help)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		kinds := map[string]string{"int": "a whole number", "bool": "true or false"}
		if flag := wrong.GetFlag(); kinds[flag.Value.Type()] != "" {
			return usageError(help, "%s: --%s takes %s, not %q", cmd.Name(), flag.Name, kinds[flag.Value.Type()], wrong.GetValue())
		}
	}
	return usageError(help, "%s: %v", cmd.Name(), err)
}

// withoutProfileFlag returns the command with the profile that follows --profile.
func withoutProfileFlag(cmd *cobra.Command, args []string) string {
	for i, arg := range args {
		name, found := strings.CutPrefix(arg, "--profile=")
		if arg == "--profile" && i+1 < len(args) {
			name, found = args[i+1], true
		}
		if found && name != "" {
			return hint.Command(cmd.CommandPath(), name)
		}
	}
	return cmd.CommandPath() + " -h"
}

const completionLong = `Print a script that makes a shell complete keyd's commands, flags and profiles.`

// rejectUnknownWords makes cobra's own commands, help and completion, refuse
// arguments that they do not know. They would otherwise print keyd's help and
// exit with 0.
func rejectUnknownWords(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Use, cmd.Short, cmd.Long = "help [COMMAND or TOPIC]", "explain a command or a topic", "Explain a command, or a topic."
			cmd.Args = func(_ *cobra.Command, args []string) error { return requireCommands(root, args, "no help on %q") }
		case "completion":
			cmd.Short, cmd.Long = "print the completion script of a shell", completionLong
			cmd.Args = func(_ *cobra.Command, args []string) error {
				return requireCommands(cmd, args, "no completion for %q")
			}
			cmd.RunE = func(*cobra.Command, []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = limitArgs(0, 0, "")
			}
		}
	}
}

// requireCommands refuses words that do not name a command below parent, one
// level for each word. format is the error message, with the word as its argument.
func requireCommands(parent *cobra.Command, words []string, format string) error {
	for _, word := range words {
		i := slices.IndexFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == word })
		if i < 0 {
			suggestion := suggestNearest(word, commandNames(parent), parent.CommandPath()+" -h")
			if !parent.HasParent() {
				suggestion = suggestCommand(word, commandNames(parent))
			}
			return usageError(suggestion, format, word)
		}
		parent = parent.Commands()[i]
	}
	return nil
}
