package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// formatUsage returns how a command is used, which commands it has, its flags and
// examples. Help prints it below what the command does.
func formatUsage(cmd *cobra.Command) string {
	var b strings.Builder
	if cmd.Runnable() {
		b.WriteString(fmt.Sprintf("Usage:\n  %s\n", cmd.UseLine()))
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString(fmt.Sprintf("  %s COMMAND [flags]\n", cmd.CommandPath()))
		for _, group := range cmd.Groups() {
			writeCommands(&b, group.Title, cmd, func(c *cobra.Command) bool { return c.GroupID == group.ID && c.IsAvailableCommand() })
		}
		writeCommands(&b, "Commands:", cmd, func(c *cobra.Command) bool { return c.GroupID == "" && c.IsAvailableCommand() })
		writeCommands(&b, "Topics, for keyd help:", cmd, (*cobra.Command).IsAdditionalHelpTopicCommand)
	}
	if cmd.HasExample() {
		b.WriteString(fmt.Sprintf("\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n")))
	}
	writeFlags(&b, "Flags:", cmd.LocalFlags())
	if cmd.HasParent() {
		writeFlags(&b, "Flags of every command:", cmd.InheritedFlags())
	} else {
		b.WriteString("\nkeyd COMMAND -h explains a command.\n")
	}
	return b.String()
}

// writeCommands writes the commands that belong to a group, one line each.
func writeCommands(b *strings.Builder, title string, parent *cobra.Command, belongs func(*cobra.Command) bool) {
	for _, c := range parent.Commands() {
		if belongs(c) {
			if title != "" {
				b.WriteString(fmt.Sprintf("\n%s\n", title))
				title = ""
			}
			b.WriteString(fmt.Sprintf("  %-12s%s\n", c.Name(), c.Short))
		}
	}
}

// writeFlags writes the flags of a set, with their explanations in lines of at most 80
// columns.
func writeFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	type line struct{ name, usage string }
	var lines []line
	widest := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		value, usage := pflag.UnquoteUsage(f)
		name := strings.TrimRight(short+"--"+f.Name+" "+strings.ToUpper(value), " ")
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		lines, widest = append(lines, line{name, usage}), max(widest, len(name))
	})
	if len(lines) == 0 {
		return
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.name[4:], b.name[4:]) })
	b.WriteString(fmt.Sprintf("\n%s\n", title))
	for _, l := range lines {
		indent := strings.Repeat(" ", widest+5)
		b.WriteString(fmt.Sprintf("  %-*s   %s\n", widest, l.name, strings.Join(wrapText(l.usage, 80-len(indent)), "\n"+indent)))
	}
}
