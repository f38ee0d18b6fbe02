package install

import (
	"maps"
	"os"
	"runtime"
	"slices"

	"github.com/kardianos/service"
)

// Service is keyd as a login service of one user.
type Service struct {
	host  Host
	login loginService
}

// loginService is a Service of kardianos/service that can also say what is installed.
type loginService interface {
	service.Service
	// file is where the definition stands or would stand.
	definitionPath() string
	// program reads the path of the program out of a definition.
	parseProgram(definition []byte) string
	// look fills in what only the service manager knows.
	queryState(*State)
}

// Open returns the service of this user, installed or not. Nothing is written
// and no command is run. A *RefusedError is a machine or a user that keyd is
// not installed for, with what to do instead.
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
	s, err := service.New(nil, &service.Config{
		Name: displayName, DisplayName: displayName, Description: description, Arguments: []string{"run"},
	})
	if err != nil {
		return nil, wrapError(err)
	}
	return &Service{host: h, login: s.(loginService)}, nil
}

// findSystem is keyd's own System for this machine, nil when there is none.
func (h *Host) findSystem() service.System {
	switch h.GOOS {
	case "linux":
		return systemdSystem{h}
	case "darwin":
		return launchdSystem{h}
	case "windows":
		return taskSystem{h}
	}
	return nil
}

// Plan is what Install would do.
type Plan struct {
	Platform string     // the service manager
	File     string     // the definition that is written
	Program  string     // what is started at login
	Env      []Variable // what it is given
	Secret   []string   // variables that it is not given, because they hold a password
}

// Plan finds out what Install would do. It writes nothing.
func (s *Service) Plan() (Plan, error) {
	program, err := s.host.Program()
	if err != nil {
		return Plan{}, err
	}
	env, secret, err := Environment(s.host.Getenv)
	if err != nil {
		return Plan{}, err
	}
	return Plan{Platform: s.login.Platform(), File: s.login.definitionPath(), Program: program, Env: env, Secret: secret}, nil
}

// Install writes the definition, has the service start at every login, and
// starts it. Over an older installation it takes its place. When anything
// fails, what was there before is there again: nothing, or the older
// installation.
func (s *Service) Install() (Plan, error) {
	plan, err := s.Plan()
	if err != nil {
		return plan, err
	}
	if _, lives := s.host.Daemon(); lives && !s.State().Running {
		return plan, refuse("end it, then: keyd install", "keyd run already runs here, but not as the service: nothing was changed")
	}
	env := map[string]string{}
	for _, v := range plan.Env {
		env[v.Name] = v.Value
	}
	configured, err := service.New(nil, &service.Config{
		Name: displayName, DisplayName: displayName, Description: description,
		Executable: plan.Program, Arguments: []string{"run"}, EnvVars: env,
	})
	if err != nil {
		return plan, wrapError(err)
	}
	s.login = configured.(loginService)
	err = wrapError(s.login.Install())
	plan.Platform, plan.File = s.login.Platform(), s.login.definitionPath()
	return plan, err
}

// Uninstall stops the service and removes it. Settings and state stay. None
// that is installed is no error: installed is false.
func (s *Service) Uninstall() (installed bool, err error) {
	if !s.State().Installed {
		return false, nil
	}
	return true, wrapError(s.login.Uninstall())
}

// Start starts the service now. One that runs goes on.
func (s *Service) Start() error { return s.runInstalled(s.login.Start) }

// Stop stops the service until the next login. The step of a rotation that it
// is in is ended before.
func (s *Service) Stop() error { return s.runInstalled(s.login.Stop) }

// Restart stops and starts the service.
func (s *Service) Restart() error { return s.runInstalled(s.login.Restart) }

// runInstalled is for a service that is installed.
func (s *Service) runInstalled(do func() error) error {
	if _, err := os.Stat(s.login.definitionPath()); err != nil && !s.State().Installed {
		return refuse("keyd install", "keyd is not installed as a service")
	}
	return wrapError(do())
}

// sortedVariables are the environment variables of a configuration, sorted.
func sortedVariables(c *service.Config) []Variable {
	var all []Variable
	for _, name := range slices.Sorted(maps.Keys(c.EnvVars)) {
		all = append(all, Variable{name, c.EnvVars[name]})
	}
	return all
}
