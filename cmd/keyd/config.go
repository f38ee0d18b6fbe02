package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const configLong = `Show where keyd's files are, and the settings in force with the line of keyd.ini
that each comes from. Nothing is changed. keyd help settings explains them.

--json prints one object with version (1), paths (settings, state, credentials,
config), problem (what is wrong with keyd.ini; absent while nothing is), in_force
(keyd.ini; last good, a copy that keyd run uses while keyd.ini has a mistake; or
none) and settings. Each setting has section, name, value, standard, line and
meaning.`

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
	Settings []settings.Described `json:"settings"`

	exists bool // keyd.ini does
}

// configPaths says where the files are.
type configPaths struct {
	Settings    string `json:"settings"`
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
		Settings: loc.folders.SettingsFile, State: loc.folders.StateDir, Credentials: loc.store.Paths.Credentials, Config: loc.store.Paths.Config,
	}}
	data, err := os.ReadFile(loc.folders.SettingsFile)
	r.exists = !errors.Is(err, fs.ErrNotExist)
	s, mistake := a.readSettings(loc)
	if mistake != nil {
		r.Problem, r.InForce, data = mistake.Error(), "last good", nil
		if s = loc.settingsFile().Effective(); s.Unknown {
			r.InForce = "none"
		}
	}
	if r.InForce != "none" {
		r.Settings = settings.Describe(s, data)
	}
	return r, mistake
}

// configTable renders a report of the settings.
func (t *terminal) configTable(r configReport) string {
	var b strings.Builder
	missing := ""
	if !r.exists {
		missing = "  (does not exist, so everything is at its default)"
	}
	for _, row := range [][2]string{
		{"settings", r.Paths.Settings + missing}, {"state", r.Paths.State}, {"status", state.StatusPath(r.Paths.State)},
		{"journals", state.JournalsPath(r.Paths.State)}, {"credentials", r.Paths.Credentials}, {"config", r.Paths.Config},
	} {
		b.WriteString(fmt.Sprintf("%-12s %s\n", row[0], t.shortenHome(row[1])))
	}
	switch r.InForce {
	case "last good":
		b.WriteString("\nkeyd.ini has a mistake; the service uses the last good settings:\n")
	case "none":
		b.WriteString("\nkeyd.ini has a mistake, and no earlier good settings are known: keyd starts nothing\n")
	}
	section := ""
	b.WriteString("\n")
	for _, s := range r.Settings {
		if s.Section != section {
			section = s.Section
			b.WriteString(t.shortenHome(fmt.Sprintf("\n[%s]\n", section)))
		}
		from := "default"
		switch {
		case s.Line > 0:
			from = fmt.Sprintf("keyd.ini:%d", s.Line)
		case s.Value != s.Standard && r.InForce == "last good":
			from = "last good keyd.ini"
		case s.Value != s.Standard:
			from = "keyd.ini"
		}
		b.WriteString(fmt.Sprintf("%-22s %-14s %s\n", s.Name, s.Value, t.dim(from)))
	}
	return b.String()
}
