package main

import (
	"keyd/daemon/fleet"
	"keyd/daemon/state"
)

// isFleet reports whether a format of keyd status is one of showFleet.
func isFleet(format string) bool { return format == "fleet" || format == "prometheus" }

// showFleet prints how the machine stands, for the tools of a company. Like fleet.json it
// reads the state and neither the AWS files nor AWS. Its exit code is 0 also when a key needs
// a person: an agent takes another one for a script that is broken.
func (a *app) showFleet(format string) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	status, err := state.LoadStatus(loc.folders.StateDir)
	if err != nil {
		return err
	}
	inForce, err := loc.settingsFile().Read()
	if err != nil {
		inForce, status.SettingsErr = loc.settingsFile().Effective(), err.Error()
	} else {
		status.SettingsErr = ""
		if problem := inForce.ManagedProblem(); problem != nil {
			status.SettingsErr = problem.Error()
		}
	}
	from := fleet.Source{Status: status, Settings: inForce, Release: buildRelease(), Alive: state.DaemonRunning(loc.folders.StateDir), Now: a.now()}
	if format == "prometheus" {
		a.term.print(fleet.Prometheus(from))
		return nil
	}
	text, err := fleet.Make(from).JSON()
	if err != nil {
		return err
	}
	a.term.print(string(text))
	return nil
}
