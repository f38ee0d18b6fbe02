package install

import (
	"fmt"
	"strings"
)

// RefusedError is an installation that is not made, with what to do instead.
type RefusedError struct {
	Text, Instead string
}

func (e *RefusedError) Error() string { return "install: " + e.Text }

// Hint is what to do instead.
func (e *RefusedError) Hint() string { return e.Instead }

func refuse(instead, format string, args ...any) error {
	return &RefusedError{Text: fmt.Sprintf(format, args...), Instead: instead}
}

// CommandError is a command of the service manager that failed.
type CommandError struct {
	Command string // as typed
	Said    string // the end of what it wrote to standard error and output
	Err     error
}

func (e *CommandError) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("%s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("%s: %s (%v)", e.Command, e.Said, e.Err)
}

func (e *CommandError) Unwrap() error { return e.Err }

// wrapError puts the name of the package in front, once.
func wrapError(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "install: ") {
		return err
	}
	return fmt.Errorf("install: %w", err)
}
