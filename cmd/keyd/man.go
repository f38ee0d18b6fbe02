//go:build man

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"keyd/daemon/state"
)

// keyd man writes the man pages that the packages contain. It is left out of the program
// itself, because the libraries that format the pages would be a twentieth of it.
func init() { commands = append(commands, command{"man", groupMore, newManCommand}) }

// topicSections holds the section of the manual for each help topic: 5 is for files, 7 for
// the rest.
var topicSections = map[string]string{"settings": "5"}

func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "write the man pages into a folder",
		Args:   limitArgs(1, 1, "one folder"),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			date, err := manDate(a.getenv)
			if err != nil {
				return err
			}
			a.term.settings = "" // the path of the machine on which the pages are written
			root := newRootCommand(a, nil)
			root.InitDefaultCompletionCmd()
			root.Use, root.Long = "keyd COMMAND", root.Long+manSections(root)
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writeManPages(root, doc.GenManHeader{Source: "keyd", Manual: "keyd", Date: &date}, args[0])
		},
	}
}

// manDate returns the date on the pages: that of SOURCE_DATE_EPOCH, so that the same
// source gives the same pages.
func manDate(getenv func(string) string) (time.Time, error) {
	epoch := getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, usageError("set it to seconds since 1970", "SOURCE_DATE_EPOCH: %v", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// manSections returns the sections of keyd(1) beside those of every page.
func manSections(root *cobra.Command) string {
	var b, commands strings.Builder
	for _, group := range root.Groups() {
		writeCommands(&commands, group.Title, root, func(c *cobra.Command) bool { return c.GroupID == group.ID && c.IsAvailableCommand() })
	}
	b.WriteString("\n\n# COMMANDS\n\n" + verbatim(strings.TrimPrefix(commands.String(), "\n")) + "\n# EXIT STATUS\n\n" + verbatim(exitTopic()) + "\n# FILES\n\n")
	for _, goos := range []string{"linux", "darwin"} {
		folders, err := state.FindFolders(func(name string) string { return map[string]string{"HOME": "/~"}[name] }, goos)
		if err == nil {
			b.WriteString(verbatim(strings.ReplaceAll(map[string]string{"linux": "Linux", "darwin": "macOS"}[goos]+
				"\n  "+folders.SettingsFile+"   the settings\n  "+folders.StateDir+"/   state, journals and history\n", "/~", "~")))
		}
	}
	b.WriteString("\nkeyd-settings(5) describes the settings, keyd-environment(7) the variables, keyd-safety(7) what keyd never does.\n")
	return b.String()
}

// verbatim returns Markdown for a text whose lines and blanks stay as they are.
func verbatim(text string) string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\n"), "`", "")
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// writeManPages writes the page of a command, of the commands below it, and of the help
// topics.
func writeManPages(c *cobra.Command, header doc.GenManHeader, folder string) error {
	topic := c.IsAdditionalHelpTopicCommand()
	if c.Hidden || !topic && !c.IsAvailableCommand() && c.HasParent() {
		return nil
	}
	for _, below := range c.Commands() {
		if err := writeManPages(below, header, folder); err != nil {
			return err
		}
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	if !c.HasParent() {
		name = "keyd"
	}
	header.Title, header.Section = strings.ToUpper(name), "1"
	if topic {
		header.Section = "7"
		if section, ok := topicSections[c.Name()]; ok {
			header.Section = section
		}
		c.Long = verbatim(c.Long)
	}
	c.DisableAutoGenTag = true
	var page bytes.Buffer
	if err := doc.GenMan(c, &header, &page); err != nil {
		return err
	}
	text := strings.ReplaceAll(page.String(), "[=false]", "") // of flags, which is how they are written
	if topic {
		text = cutSection(cutSection(text, "SYNOPSIS"), "OPTIONS INHERITED FROM PARENT COMMANDS")
		text = strings.ReplaceAll(text, "keyd("+header.Section+")", "keyd(1)") // the page of the program itself
	}
	return os.WriteFile(filepath.Join(folder, name+"."+header.Section), []byte(text), 0o644)
}

// cutSection removes a section of a page.
func cutSection(page, title string) string {
	before, rest, found := strings.Cut(page, "\n.SH "+title+"\n")
	if !found {
		return page
	}
	if _, after, more := strings.Cut(rest, "\n.SH "); more {
		return before + "\n.SH " + after
	}
	return before + "\n"
}
