package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const configLong = `Show where keyd's files are, and the settings in force with the line that each
comes from: of keyd.ini, or of the managed settings, which an administrator has
written for all users of the machine. Lines of keyd.ini that have no effect, since
they would weaken what is managed, are named with the line that overrules them.
Nothing is changed. keyd help settings explains the settings.

--json prints one object with version (1), paths (settings, managed, state,
credentials, config), problem (what is wrong with keyd.ini or the managed
settings; absent while nothing is), in_force (keyd.ini; last good, a copy that
keyd run uses while keyd.ini has a mistake; managed, while no copy is known
either; or none), managed (absent without managed settings: path, sha256 of the
contents in force, allow_never, problem, hint, and without_effect, the lines of
keyd.ini that have no effect), remarks and settings. Each setting has section, name,
value, standard, from, managed, line (of keyd.ini) and meaning.`

func newConfigCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "show the settings in force, and where everything is",
		Long:    configLong,
		Example: "  keyd config",
		Args:    limitArgs(0, 0, ""),
		RunE:    func(*cobra.Command, []string) error { return a.showConfig(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// configReport is what keyd config shows.
type configReport struct {
	Version  int                  `json:"version"` // 1
	Paths    configPaths          `json:"paths"`
	Problem  string               `json:"problem,omitzero"`
	InForce  string               `json:"in_force"`
	Managed  *settings.Managed    `json:"managed,omitzero"`
	Remarks  []string             `json:"remarks,omitzero"` // see settings.Remarks
	Settings []settings.Described `json:"settings"`

	blames  string // what cannot be used
	exists  bool   // keyd.ini exists
	managed bool   // managed settings exist
}

// configPaths says where the files are.
type configPaths struct {
	Settings    string `json:"settings"`
	Managed     string `json:"managed,omitzero"`
	State       string `json:"state"`
	Credentials string `json:"credentials"`
	Config      string `json:"config"`
}

// showConfig prints the settings and the paths. A mistake in keyd.ini is printed after
// them.
func (a *app) showConfig(asJSON bool) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	r, mistake := a.buildConfig(loc)
	if asJSON {
		if err := a.term.printJSON(r); err != nil {
			return err
		}
	} else {
		a.term.print(a.term.configTable(r))
	}
	return mistake
}

// buildConfig finds out what is in force. The error is what is wrong with keyd.ini.
func (a *app) buildConfig(loc locations) (configReport, error) {
	r := configReport{Version: 1, InForce: "keyd.ini", Paths: configPaths{
		Settings: loc.folders.SettingsFile, Managed: loc.managed, State: loc.folders.StateDir, Credentials: loc.store.Paths.Credentials, Config: loc.store.Paths.Config,
	}}
	r.exists, r.managed = fileExists(loc.folders.SettingsFile), loc.managed != "" && fileExists(loc.managed)
	s, mistake := a.readSettings(loc)
	if mistake != nil {
		r.InForce = "last good"
		if s = loc.settingsFile().Effective(); s.Unknown {
			r.InForce = "none"
		} else if s.OwnUnknown {
			r.InForce = "managed"
		}
	} else {
		mistake = s.ManagedProblem()
	}
	if mistake != nil {
		r.Problem = mistake.Error()
	}
	r.blames = "keyd.ini has a mistake"
	if _, managed := errors.AsType[*settings.ManagedError](mistake); managed {
		r.blames = "the managed settings cannot be used"
	}
	r.Managed, r.Remarks = s.Managed, s.Remarks()
	if r.InForce != "none" {
		r.Settings = settings.Describe(s)
	}
	return r, mistake
}

// fileExists reports whether there is something at path, even if this user may not read it.
func fileExists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// configTable renders a report of the settings.
func (t *terminal) configTable(r configReport) string {
	const column = 13 // where the paths begin
	var b strings.Builder
	missing, managed := "", ""
	switch {
	case !r.exists && r.managed:
		missing = "(does not exist)"
	case !r.exists:
		missing = "(does not exist, so everything is at its default)"
	}
	if !r.managed {
		managed = "(does not exist)"
	}
	for _, row := range [][3]string{
		{"settings", r.Paths.Settings, missing}, {"managed", r.Paths.Managed, managed}, {"state", r.Paths.State}, {"status", state.StatusPath(r.Paths.State)},
		{"journals", state.JournalsPath(r.Paths.State)}, {"credentials", r.Paths.Credentials}, {"config", r.Paths.Config},
	} {
		line := layout.Escape(fmt.Sprintf("%-*s%s", column, row[0], t.shortenHome(row[1]))) // a path is not broken
		if row[2] != "" {
			line = layout.Fill(line+"  ", row[2], column, t.width)
		}
		b.WriteString(line + "\n")
	}
	say := func(text string) { b.WriteString("\n" + layout.Fill("", text, layout.Hanging, t.width) + "\n") }
	switch r.InForce {
	case "last good":
		say(r.blames + "; the service uses the last good settings:")
	case "managed":
		say(r.blames + ", and no earlier good one is known: the managed settings are in force, and no old key is ended")
	case "none":
		say(r.blames + ", and no earlier good settings are known: keyd starts nothing")
	}
	if r.Managed != nil && r.Managed.Problem != "" {
		say("the managed settings cannot be used; the last good ones are in force")
	}
	section := ""
	b.WriteString("\n")
	for _, s := range r.Settings {
		if s.Section != section {
			section = s.Section
			b.WriteString(t.shortenHome(fmt.Sprintf("\n[%s]\n", section)))
		}
		from := s.From
		if s.Line > 0 {
			from = fmt.Sprintf("keyd.ini:%d", s.Line)
			if r.InForce == "last good" {
				from = "last good keyd.ini"
			}
		}
		b.WriteString(fmt.Sprintf("%-22s %-14s %s\n", s.Name, s.Value, t.dim(t.shortenHome(from))))
	}
	b.WriteString(t.configRemarks(r))
	return b.String()
}

// configRemarks renders which lines of keyd.ini have no effect, and the remarks on the settings.
func (t *terminal) configRemarks(r configReport) string {
	var b strings.Builder
	if r.Managed != nil && len(r.Managed.Ignored) > 0 {
		b.WriteString("\nhas no effect, because it would weaken the managed settings:\n")
		for _, i := range r.Managed.Ignored {
			b.WriteString(t.shortenHome("  " + i.String() + "\n"))
		}
	}
	for _, text := range r.Remarks {
		b.WriteString("\n" + layout.Fill("", "note: "+text, layout.Hanging, t.width) + "\n")
	}
	return b.String()
}
