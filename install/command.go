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
	// commandTimeout is how long a command of the service manager may take. Starting
	// waits until the daemon says that it is ready, or has failed; stopping
	// until the step that it is in has ended.
	commandTimeout = 90 * time.Second
	// maxOutput bounds what is kept of a command's words, in bytes.
	maxOutput = 600
)

// runCommand runs a program of the service manager and returns what it wrote to
// standard output. Its words are in the error: kardianos/service throws them
// away, and "exit status 1" helps nobody.
func runCommand(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = time.Second
	err := c.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", commandTimeout)
	}
	said := strings.TrimSpace(errs.String())
	if said == "" {
		said = strings.TrimSpace(out.String())
	}
	return out.String(), &CommandError{Command: strings.Join(append([]string{name}, args...), " "), Said: oneLine(said), Err: err}
}

// oneLine makes an error's text of what a program wrote.
func oneLine(said string) string {
	said = strings.Join(strings.Fields(said), " ")
	return said[max(0, len(said)-maxOutput):]
}

// commandNotFound reports whether a command could not be found at all.
func commandNotFound(err error) bool { return errors.Is(err, exec.ErrNotFound) }
