package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyd/daemon"
)

// suggestNearest asks for the nearest of cobra's suggestions, which have no order:
// without one that is near, the first that is the least longer.
func suggestNearest(typed string, suggestions []string, otherwise string) string {
	if len(suggestions) == 0 {
		return otherwise
	}
	slices.SortFunc(suggestions, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return fmt.Sprintf("did you mean %s?", cmp.Or(daemon.Nearest(typed, suggestions), suggestions[0]))
}

// explainFlagError makes a usage error of what is wrong with a flag, and names the
// flag that was probably meant.
func explainFlagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " -h"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		// cobra suggests commands only: let the flags be commands for that.
		flags := &cobra.Command{SuggestionsMinimumDistance: 2}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags.AddCommand(&cobra.Command{Use: "--" + f.Name, Run: func(*cobra.Command, []string) {}})
		})
		typed := "--" + unknown.GetSpecifiedName()
		hint = suggestNearest(typed, flags.SuggestionsFor(typed), hint)
	}
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		kinds := map[string]string{"int": "a whole number", "bool": "true or false"}
		if flag := wrong.GetFlag(); kinds[flag.Value.Type()] != "" {
			return usage(hint, "%s: --%s takes %s, not %q", cmd.Name(), flag.Name, kinds[flag.Value.Type()], wrong.GetValue())
		}
	}
	return usage(hint, "%s: %v", cmd.Name(), err)
}

// rejectUnknownWords lets cobra's own commands, help and completion, refuse what they do not
// know: they would print the help of keyd and call that done.
func rejectUnknownWords(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error { return requireCommands(root, args, "no help on %q") }
		case "completion":
			cmd.Args = func(_ *cobra.Command, args []string) error { return requireCommands(cmd, args, "no completion for %q") }
			cmd.RunE = func(*cobra.Command, []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = limitArgs(0, 0, "")
			}
		}
	}
}

// requireCommands refuses words that lead to no command below parent.
func requireCommands(parent *cobra.Command, words []string, text string) error {
	for _, word := range words {
		i := slices.IndexFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == word })
		if i < 0 {
			parent.SuggestionsMinimumDistance = 2
			return usage(suggestNearest(word, parent.SuggestionsFor(word), parent.CommandPath()+" -h"), text, word)
		}
		parent = parent.Commands()[i]
	}
	return nil
}
