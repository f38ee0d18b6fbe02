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

// daemonProblem says that the daemon which runs is another build than this program, as after an
// upgrade: it keeps running the old one until it is started again. info may be nil. It returns
// "" when all is well, and when the daemon is too old to say what it is. installed says that it
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

// isMistake reports whether err is a mistake in keyd.ini or in the managed settings. A file
// that belongs to another user is no mistake in it.
func isMistake(err error) bool {
	_, own := errors.AsType[*settings.Error](err)
	_, managed := errors.AsType[*settings.ManagedError](err)
	return own || managed
}

// settingsNotes returns what a person should know of the settings in force: why the managed
// ones cannot be used, which lines of keyd.ini have no effect, and which programs cannot start.
func settingsNotes(s settings.Settings) (texts []string) {
	if err := s.ManagedProblem(); err != nil {
		texts = append(texts, stripPackages(err.Error())+": the last good ones are in force; "+hint.Hint(err))
	}
	texts = append(texts, s.IgnoredLines()...)
	return append(texts, eventProblems(s)...)
}

// eventProblems says which programs of on_event cannot be started, and so get no events. The
// service may have another PATH.
func eventProblems(s settings.Settings) (texts []string) {
	for _, program := range s.EventPrograms() {
		if err := (daemon.Hooks{}).Check(settings.Hook{Command: program.Command}); err != nil {
			file := "keyd.ini"
			if program.Managed {
				file = s.Managed.Path
			}
			texts = append(texts, "on_event in "+file+" tells no one: "+stripPackages(err.Error()))
		}
	}
	return texts
}
