// Package install makes keyd a login service of one user: a systemd user unit on
// Linux, a LaunchAgent on macOS, a logon task on Windows. Each of the three
// implements System and Service of github.com/kardianos/service. The
// implementations that come with that module are not used: they install for
// root, or do not start at login, or leave half an installation behind when the
// service manager cannot be reached.
//
// The package neither needs nor accepts privileges: keyd reads and writes the
// files of its user, and a service of root or LocalSystem would look at other
// files.
//
// service.go, plan.go, state.go and stale.go are what the commands use; system.go and
// host.go are what the three have in common. systemd.go with session.go, unitfile.go and
// packagedunit.go, launchd.go with agentplist.go, and task.go with taskswitch.go,
// taskxml.go and runkey_*.go are one service manager each. program.go and environment.go
// decide what the service starts and which variables it gets; writers*.go, accounts.go and
// accesslist.go refuse a program that other users may replace; definition.go and
// command.go write and run things.
package install

import (
	"maps"
	"os"
	"runtime"
	"slices"

	"github.com/kardianos/service"
)

// The names of the service. They are not plain "keyd": a keyboard remapper owns
// that name on many Linux machines.
const (
	unitName    = "keyd-aws.service"
	agentLabel  = "local.keyd-aws"
	displayName = "keyd-aws"
	description = "keyd: keeps the access keys in ~/.aws/credentials young"
)

// ExitAlreadyRunning is the exit code of keyd run when another daemon runs on the
// same state folder. The service managers restart a daemon that has failed, and this
// code tells systemd that there is nothing to repair: the other daemon does the work.
const ExitAlreadyRunning = 4

// Service is keyd as a login service of one user.
type Service struct {
	host  Host
	login loginService
}

// Open returns the service of this user, installed or not. It writes nothing and
// runs no command. It returns a *RefusedError, which says what to do instead, for
// a machine or a user that keyd cannot be installed for.
func Open(h Host) (*Service, error) {
	if err := h.checkUser(); err != nil {
		return nil, err
	}
	system := h.findSystem()
	if system == nil || !system.Detect() {
		native := h.GOOS
		if native == runtime.GOOS {
			native = service.Platform()
		}
		return nil, h.unsupportedError(native)
	}
	service.ChooseSystem(system)
	s := &Service{host: h}
	if err := s.configure("", nil); err != nil {
		return nil, err
	}
	return s, nil
}

// findSystem returns the System for this machine, nil when there is none.
func (h *Host) findSystem() service.System {
	switch h.GOOS {
	case "linux":
		return systemdSystem(h)
	case "darwin":
		return launchdSystem(h)
	case "windows":
		return taskSystem(h)
	}
	return nil
}

// configure has kardianos/service make the login service for a program and its
// environment. They matter only to Install.
func (s *Service) configure(program string, env map[string]string) error {
	made, err := service.New(nil, &service.Config{
		Name: displayName, DisplayName: displayName, Description: description,
		Executable: program, Arguments: []string{"run"}, EnvVars: env,
	})
	if err != nil {
		return wrapError(err)
	}
	s.login = made.(loginService)
	return nil
}

// Install writes the definition, has the service start at every login, and
// starts it. It replaces an older installation. When anything fails, it restores
// what was there before: nothing, or the older installation.
func (s *Service) Install() (Plan, error) {
	plan, err := s.Plan()
	if err != nil {
		return plan, err
	}
	if _, lives := s.host.Daemon(); lives && !s.State().Running {
		return plan, refuse("stop it, then run: keyd install", "keyd run already runs here, but not as the service: nothing was changed")
	}
	env := map[string]string{}
	for _, v := range plan.Env {
		env[v.Name] = v.Value
	}
	if err := s.configure(plan.Program, env); err != nil {
		return plan, err
	}
	err = wrapError(s.login.Install())
	plan.Platform, plan.File = s.login.Platform(), s.login.definitionPath()
	return plan, err
}

// Uninstall stops the service and removes it. Settings and state stay. When keyd
// is not installed, Uninstall returns false and no error.
func (s *Service) Uninstall() (installed bool, err error) {
	if !s.State().Installed {
		return false, nil
	}
	return true, wrapError(s.login.Uninstall())
}

// Start starts the service now. It leaves a running service alone.
func (s *Service) Start() error { return s.runInstalled(s.login.Start) }

// Stop stops the service until Start, or until the next login unless StopsForGood. The
// daemon finishes the step of a rotation that it is in before it ends; on Windows it
// ends at once.
func (s *Service) Stop() error { return s.runInstalled(s.login.Stop) }

// StopsForGood reports whether a stopped service stays stopped at the next login. The
// logon task of Windows does: Stop has to switch it off.
func (s *Service) StopsForGood() bool { return s.host.GOOS == "windows" && !s.State().Enabled }

// Restart stops the service and starts it again.
func (s *Service) Restart() error { return s.runInstalled(s.login.Restart) }

// runInstalled runs an action of the service manager. It refuses when keyd is
// not installed.
func (s *Service) runInstalled(action func() error) error {
	if _, err := os.Stat(s.login.definitionPath()); err != nil && !s.State().Installed {
		return refuse("keyd install", "keyd is not installed as a service")
	}
	return wrapError(action())
}

// sortedVariables returns the environment variables of a configuration, sorted
// by name.
func sortedVariables(c *service.Config) []Variable {
	var all []Variable
	for _, name := range slices.Sorted(maps.Keys(c.EnvVars)) {
		all = append(all, Variable{name, c.EnvVars[name]})
	}
	return all
}
