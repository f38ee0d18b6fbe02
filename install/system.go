package install

import (
	"errors"
	"os"

	"github.com/kardianos/service"
)

// loginSystem is one of the service managers, as a System of kardianos/service.
type loginSystem struct {
	host     *Host
	platform string
	detect   func() bool // reports whether the service manager runs this machine
	create   func(baseService) loginService
}

// String returns the name of the service manager, as people know it.
func (s loginSystem) String() string { return s.platform }

// Detect reports whether the service manager runs this machine.
func (s loginSystem) Detect() bool { return s.detect() }

// Interactive always returns true, because each of the services runs in the session
// of its user. keyd does not use the answer.
func (s loginSystem) Interactive() bool { return true }

// New returns the Service of this system for the configuration. keyd run ends
// with its context and needs no service.Interface, so New ignores it.
func (s loginSystem) New(_ service.Interface, c *service.Config) (service.Service, error) {
	return s.create(baseService{Config: c, host: s.host, platform: s.platform}), nil
}

// loginService is a Service of kardianos/service that can also describe an
// installation.
type loginService interface {
	service.Service
	// definitionPath returns where the definition is, or would be after Install.
	definitionPath() string
	// parseProgram returns the path of the program in a definition, "" when the
	// definition names none.
	parseProgram(definition []byte) string
	// queryState adds to the state what only the service manager knows. It fails
	// when the service manager cannot be asked.
	queryState(*State) error
}

// baseService holds the part of service.Service that needs no service manager
// and is the same for all three.
type baseService struct {
	*service.Config
	host     *Host
	platform string
}

// String returns the name of the service, as people see it.
func (b *baseService) String() string { return b.DisplayName }

// Platform returns the name of the service manager.
func (b *baseService) Platform() string { return b.platform }

// Run always fails: the service managers start keyd run, which needs no
// kardianos/service.
func (b *baseService) Run() error { return errors.New("install: no program was given to run") }

// Logger returns a logger for standard error, which the service managers keep.
func (b *baseService) Logger(chan<- error) (service.Logger, error) { return service.ConsoleLogger, nil }

// SystemLogger returns what Logger returns: the log of the system belongs to
// root.
func (b *baseService) SystemLogger(errs chan<- error) (service.Logger, error) { return b.Logger(errs) }

// statusOf returns the state of a service in the words of kardianos/service. A
// service whose program waits to be restarted counts as stopped.
func statusOf(s loginService) (service.Status, error) {
	_, err := os.Stat(s.definitionPath())
	state := State{Installed: err == nil}
	err = s.queryState(&state)
	switch {
	case state.Running:
		return service.StatusRunning, nil
	case err != nil:
		return service.StatusUnknown, err
	case !state.Installed:
		return service.StatusUnknown, service.ErrNotInstalled
	}
	return service.StatusStopped, nil
}
