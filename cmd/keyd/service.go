package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon/state"
	"keyd/install"
)

// openService returns keyd as a service of this user.
func (a *app) openService(loc locations) (*install.Service, error) {
	host, err := a.host()
	if err != nil {
		return nil, err
	}
	host.StateDir = loc.folders.StateDir
	host.Daemon = func() (int, bool) {
		life := state.LoadDaemonInfo(loc.folders.StateDir)
		if !state.DaemonRunning(loc.folders.StateDir) || life == nil {
			return 0, state.DaemonRunning(loc.folders.StateDir)
		}
		return life.PID, true
	}
	return install.Open(host)
}

// serviceState returns what the files say of the service; the zero State if there can be
// none.
func (a *app) serviceState(loc locations) install.State {
	if a.host == nil {
		return install.State{} // the demo has no services
	}
	service, err := a.openService(loc)
	if err != nil {
		return install.State{} // root, or no service manager
	}
	return service.QuickState()
}

// serviceProblem says that the service does not start this program, because the
// program was moved, removed or replaced by another build. It returns "" if the
// service does, or if there is no service.
func serviceProblem(service install.State) string {
	switch {
	case service.ProgramMissing:
		return fmt.Sprintf("the service starts %s, which no longer exists; keyd install", service.Program)
	case service.OtherBuild && service.Version != "":
		return fmt.Sprintf("the service starts %s, version %s, which is a different build from this one; keyd install", service.Program, service.Version)
	case service.OtherBuild:
		return fmt.Sprintf("the service starts %s, which is a different build from this one; keyd install", service.Program)
	}
	return ""
}

func newStartCommand(a *app) *cobra.Command {
	return a.newServiceCommand("start", "start the service", (*install.Service).Start, func(*install.Service) string { return "keyd is running" })
}

func newStopCommand(a *app) *cobra.Command {
	return a.newServiceCommand("stop", "stop the service until the next login (Windows: until keyd start)", (*install.Service).Stop, func(s *install.Service) string {
		if s.StopsForGood() {
			return "keyd stopped; start it again with: keyd start"
		}
		return "keyd stopped; it starts again at your next login, or with: keyd start"
	})
}

func newRestartCommand(a *app) *cobra.Command {
	return a.newServiceCommand("restart", "stop and start the service", (*install.Service).Restart, func(*install.Service) string { return "keyd restarted" })
}

// newServiceCommand returns a command that calls do and then prints what done returns.
func (a *app) newServiceCommand(name, short string, do func(*install.Service) error, done func(*install.Service) string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  limitArgs(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			loc, err := a.findLocations()
			if err != nil {
				return err
			}
			service, err := a.openService(loc)
			if err != nil {
				return err
			}
			if err := do(service); err != nil {
				return err
			}
			a.term.printParagraph("%s", done(service))
			return nil
		},
	}
}
