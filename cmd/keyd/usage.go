package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyd/cmd/keyd/layout"
)

// formatHelp returns what a command or a topic is for, and how a command is used. On a screen
// that is narrower than the sentences, they are rewrapped.
func (t *terminal) formatHelp(cmd *cobra.Command) string {
	text := cmp.Or(cmd.Long, cmd.Short)
	if t.hasScreen() {
		text = refill(text, t.width)
	}
	text = strings.TrimSpace(text) + "\n"
	if cmd.Runnable() || cmd.HasSubCommands() {
		text += "\n" + formatUsage(cmd)
	}
	return text
}

// refill rewraps each paragraph of a text that has a line wider than width. Lines that begin
// with a blank are laid out by hand, and stay.
func refill(text string, width int) string {
	var lines, paragraph []string
	end := func() {
		if slices.ContainsFunc(paragraph, func(line string) bool { return layout.CountColumns(line) > width }) {
			paragraph = breakWords(strings.Join(paragraph, " "), width)
		}
		lines, paragraph = append(lines, paragraph...), nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			end()
			lines = append(lines, line)
			continue
		}
		paragraph = append(paragraph, line)
	}
	end()
	return strings.Join(lines, "\n")
}

// breakWords breaks a text at its blanks. Unlike layout.Wrap it knows no commands: a sentence
// that names one is not there to be pasted.
func breakWords(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case layout.CountColumns(line)+1+layout.CountColumns(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// formatUsage returns how a command is used, which commands it has, its flags and
// examples. Help prints it below what the command does.
func formatUsage(cmd *cobra.Command) string {
	var b strings.Builder
	if cmd.Runnable() {
		b.WriteString("Usage:\n")
	}
	if cmd.Runnable() && (cmd.HasParent() || !cmd.HasAvailableSubCommands()) { // keyd alone prints this help
		b.WriteString(fmt.Sprintf("  %s\n", cmd.UseLine()))
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
		b.WriteString("\nTo explain a command: keyd COMMAND -h\n")
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
			b.WriteString(fmt.Sprintf("  %-13s%s\n", c.Name(), c.Short))
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
		b.WriteString(fmt.Sprintf("  %-*s   %s\n", widest, l.name, strings.Join(layout.Wrap(l.usage, 80-len(indent)), "\n"+indent)))
	}
}
