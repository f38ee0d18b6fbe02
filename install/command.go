package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	// commandTimeout is how long a command of the service manager may take. A
	// start lasts until the daemon is ready or has failed; a stop lasts until the
	// daemon has finished the step that it is in.
	commandTimeout = 90 * time.Second
	// maxOutput limits how much of a command's output an error keeps, in bytes.
	maxOutput = 600
)

// command runs a program of the service manager. Tests replace it.
type command func(env []string, name string, args ...string) (string, error)

// runCommand runs a program of the service manager and returns its standard
// output. A nil env means the environment of this process. The error holds what the
// program printed. kardianos/service drops that text, and "exit status 1" alone
// helps no one.
func runCommand(env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.Stdout, c.Stderr = env, &out, &errs
	c.WaitDelay = time.Second
	err := c.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", commandTimeout)
	}
	output := strings.TrimSpace(errs.String())
	if output == "" {
		output = strings.TrimSpace(out.String())
	}
	return out.String(), &CommandError{Command: strings.Join(append([]string{name}, args...), " "), Output: oneLine(output), Err: err}
}

// oneLine joins the output of a program to one line and keeps its last maxOutput
// bytes.
func oneLine(output string) string {
	output = strings.Join(strings.Fields(output), " ")
	return output[max(0, len(output)-maxOutput):]
}

// commandNotFound reports whether a command failed because its program does not
// exist.
func commandNotFound(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// CommandError reports a command of the service manager that failed.
type CommandError struct {
	Command string // the command line, its words joined by blanks
	Output  string // the last 600 bytes of standard error, or of standard output when standard error is empty
	Err     error  // why it failed, for example an *exec.ExitError
}

// Error returns the command line, what the command printed, and the reason.
func (e *CommandError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("%s: %s (%v)", e.Command, e.Output, e.Err)
}

// Unwrap returns the reason.
func (e *CommandError) Unwrap() error { return e.Err }

// wrapError puts the name of the package in front of an error, unless it is
// there already.
func wrapError(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "install: ") {
		return err
	}
	return fmt.Errorf("install: %w", err)
}
