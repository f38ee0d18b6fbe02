package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyd/cmd/keyd/layout"
)

// The packages for Linux install the program as keyd-aws, with keyd as a link to it unless
// the keyboard remapper of that name is there. Who calls it keyd-aws may have the other
// one as keyd, so the commands that keyd prints are then commands of keyd-aws.
const packagedName = "keyd-aws"

// programName returns the name that the program was called by: keyd, or keyd-aws.
func programName(argv0 string) string {
	if strings.TrimSuffix(filepath.Base(argv0), ".exe") == packagedName {
		return packagedName
	}
	return "keyd"
}

// The names are added at the start because the commands themselves lead here.
func init() {
	for _, c := range commands {
		layout.Commands = append(layout.Commands, c.name)
	}
}

// ownCommand matches keyd followed by one of its commands or a flag, but not as a part of
// a path or of another name.
var ownCommand = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^\w./\\-])keyd (` + strings.Join(layout.Commands, `\b|`) + `\b|-)`)
})

// nameCommands writes the commands in a text as those of the program's name.
func (t *terminal) nameCommands(text string) string {
	if t.name == "" || t.name == "keyd" || !strings.Contains(text, "keyd ") {
		return text
	}
	return ownCommand().ReplaceAllString(text, "${1}"+t.name+" ${2}")
}

// nameHelp does the same to the help texts of a command and of those below it, which do
// not go through the terminal, or only broken into lines.
func (a *app) nameHelp(c *cobra.Command) {
	if a.name == "" || a.name == "keyd" {
		return
	}
	c.Long = a.term.nameCommands(c.Long)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = a.term.nameCommands(f.Usage) })
	for _, below := range c.Commands() {
		a.nameHelp(below)
	}
}
