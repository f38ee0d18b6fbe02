package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyd/daemon"
	"keyd/install"
)

// openService is keyd as a service of this user.
func (u *ui) openService(s locations) (*install.Service, error) {
	host, err := u.host()
	if err != nil {
		return nil, err
	}
	host.State = s.folders.State
	host.Daemon = func() (int, bool) {
		life := daemon.LoadLife(s.folders.State)
		if !daemon.Lives(s.folders.State) || life == nil {
			return 0, daemon.Lives(s.folders.State)
		}
		return life.PID, true
	}
	return install.Open(host)
}

// serviceProblem is what keyd status says of a service that does not start this
// program: it was moved, removed or upgraded elsewhere. "" when there is none to
// tell of, or no service.
func (u *ui) serviceProblem(s locations) string {
	if u.host == nil {
		return "" // the demo's world has no services
	}
	service, err := u.openService(s)
	if err != nil {
		return "" // for root, and where there is no service manager
	}
	switch state := service.Installed(); {
	case state.Missing:
		return fmt.Sprintf("the service is to start %s, which is not there any more; keyd install", state.Program)
	case state.Other && state.Version != "":
		return fmt.Sprintf("the service starts %s, version %s, which is another build than this one; keyd install", state.Program, state.Version)
	case state.Other:
		return fmt.Sprintf("the service starts %s, which is another build than this one; keyd install", state.Program)
	}
	return ""
}

func newStartCommand(u *ui) *cobra.Command {
	return u.newServiceCommand("start", "start the service", "keyd runs", (*install.Service).Start)
}

func newStopCommand(u *ui) *cobra.Command {
	return u.newServiceCommand("stop", "stop the service until the next login", "keyd is stopped until the next login, or keyd start", (*install.Service).Stop)
}

func newRestartCommand(u *ui) *cobra.Command {
	return u.newServiceCommand("restart", "stop and start the service", "keyd runs again", (*install.Service).Restart)
}

// newServiceCommand is a command that tells the service manager one word.
func (u *ui) newServiceCommand(word, short, done string, do func(*install.Service) error) *cobra.Command {
	return &cobra.Command{
		Use:   word,
		Short: short,
		Args:  limitArgs(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			s, err := u.findLocations()
			if err != nil {
				return err
			}
			service, err := u.openService(s)
			if err != nil {
				return err
			}
			if err := do(service); err != nil {
				return err
			}
			u.printf("%s\n", done)
			return nil
		},
	}
}
