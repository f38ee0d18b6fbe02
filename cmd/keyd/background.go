package main

import (
	"errors"
	"fmt"

	"keyd/daemon"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// hintDaemon prints a hint if no daemon is running to finish a rotation, or if the one that
// runs is another keyd than this one.
func (a *app) hintDaemon(loc locations) {
	stateDir := loc.folders.StateDir
	switch running := state.DaemonRunning(stateDir); {
	case running:
		a.term.printHint(daemonProblem(state.LoadDaemonInfo(stateDir), a.serviceState(loc).Installed))
	case a.serviceState(loc).Installed:
		a.term.printHint("the service that would finish this is not running; to start it: keyd start")
	default:
		a.term.printHint("keyd is not running in the background, so nothing will finish this by itself; to start it: keyd install")
	}
}

// daemonProblem says that the daemon which runs is another build than this program, as after
// an upgrade: it goes on with the old one until it is started again. info may be nil. It
// returns "" when all is well, and when the daemon is too old to say what it is. installed says that it
// is a service.
func daemonProblem(info *state.DaemonInfo, installed bool) string {
	if info == nil || info.Release == "" || info.Release == buildVersion() {
		return ""
	}
	remedy := "end it, and start it again"
	if installed {
		remedy = "to let it run this one: keyd restart"
	}
	return fmt.Sprintf("the daemon that is running (pid %d) is %s, and this program is %s; %s", info.PID, info.Release, buildVersion(), remedy)
}

// printSettingsMistake reports whether there is a mistake in keyd.ini, and prints it with
// its hint if aloud is set.
func (a *app) printSettingsMistake(aloud bool) bool {
	loc, err := a.findLocations()
	if err != nil {
		return false
	}
	_, err = loc.settingsFile().Read()
	mistake, found := errors.AsType[*settings.Error](err)
	if !found { // a file of another user is a person's business
		return false
	}
	if aloud {
		a.term.printError(stripPackages(mistake.Error()), hint.Hint(mistake))
	}
	return true
}

// eventProblem says that the program of on_event cannot be started, so that nobody is told
// of events; "" when it can, or there is none. The service may have another PATH.
func eventProblem(s settings.Settings) string {
	if len(s.OnEvent) == 0 {
		return ""
	}
	if err := (daemon.Hooks{}).Check(settings.Hook{Command: s.OnEvent}); err != nil {
		return "on_event in keyd.ini tells no one: " + stripPackages(err.Error())
	}
	return ""
}
