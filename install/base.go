package install

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/kardianos/service"
)

// baseService is what the three services have in common: the part of
// service.Service that does not speak to the service manager.
type baseService struct {
	*service.Config
	program  service.Interface
	host     *Host
	platform string
}

// String is the name that people see.
func (b *baseService) String() string { return b.DisplayName }

// Platform is the name of the service manager.
func (b *baseService) Platform() string { return b.platform }

// Run runs a program between its Start and its Stop, which comes with SIGTERM
// or Ctrl-C. keyd run does not need it: it ends with its context.
func (b *baseService) run(s service.Service) error {
	if b.program == nil {
		return errors.New("install: no program was given to run")
	}
	if err := b.program.Start(s); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	<-signals
	return b.program.Stop(s)
}

// Logger writes to standard error, which the service managers keep.
func (b *baseService) Logger(chan<- error) (service.Logger, error) { return service.ConsoleLogger, nil }

// SystemLogger is Logger: the system's log belongs to root.
func (b *baseService) SystemLogger(errs chan<- error) (service.Logger, error) { return b.Logger(errs) }
