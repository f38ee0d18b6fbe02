package main

import (
	"cmp"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version and how it was built",
		Args:  limitArgs(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			a.term.print(buildVersion() + "\n")
			return nil
		},
	}
}

// release is the version of a package, which install/packaging/build sets; "" in every
// other build.
var release string

// buildVersion returns the release, or else the version that the Go toolchain recorded in
// the program, so there is no version number to update by hand; and how it was built.
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
	text := "keyd " + buildRelease()
	if revision := setting("vcs.revision"); revision != "" {
		text += " " + revision[:min(12, len(revision))]
	}
	if setting("vcs.modified") == "true" {
		text += " with changes"
	}
	return text + " " + info.GoVersion + " " + setting("GOOS") + "/" + setting("GOARCH")
}

// buildRelease returns the version alone, such as v1.0.0; "(devel)" when the program has
// none.
func buildRelease() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return cmp.Or(info.Main.Version, "(devel)")
}
