package main

import (
	"cmp"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version and what it was built with",
		Args:  limitArgs(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			u.print(buildVersion() + "\n")
			return nil
		},
	}
}

// buildVersion is what the build left in the program: there is nothing to keep in
// step by hand.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "keyd (unknown build)"
	}
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	text := "keyd " + cmp.Or(info.Main.Version, "(devel)")
	if revision := setting("vcs.revision"); revision != "" {
		text += " " + revision[:min(12, len(revision))]
	}
	if setting("vcs.modified") == "true" {
		text += " with changes"
	}
	return text + " " + info.GoVersion + " " + setting("GOOS") + "/" + setting("GOARCH")
}
