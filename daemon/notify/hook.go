package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Hook is one run of the command of a hook. Its standard input may hold secrets; its
// arguments and its environment never do.
type Hook struct {
	Argv    []string      // the program and its arguments
	Stdin   []byte        // its standard input
	Limit   time.Duration // after which it and what it started are ended
	Secrets []string      // what its output must not show
}

// HookOutput is what a hook has printed, on standard output and standard error. No part of
// a secret is in it that is long enough to recognise one, in the encodings of newMask.
type HookOutput struct {
	Last   string // the last line that is not empty; at most lastLineLimit characters, all of them printable
	Text   string // everything, or as much of its end as fits into keptOutput bytes
	Leaked bool   // it has printed a secret, which is not kept
}

const (
	keptOutput    = 64 << 10 // how many bytes of the output of a hook are kept
	lastLineLimit = 200
)

// NotStartedError reports a program that could not be started. Trying again does not help
// until a person has acted.
type NotStartedError struct {
	Program string
	err     error
}

// Error names the program, and says why it did not start.
func (e *NotStartedError) Error() string {
	switch {
	case errors.Is(e.err, exec.ErrNotFound) && filepath.IsAbs(e.Program): // on Windows
		return e.Program + " does not exist"
	case errors.Is(e.err, exec.ErrNotFound):
		return e.Program + " is in no folder of PATH"
	case errors.Is(e.err, os.ErrNotExist):
		return e.Program + " does not exist"
	case errors.Is(e.err, os.ErrPermission):
		return e.Program + " may not be executed"
	case errors.Is(e.err, errAnyone):
		return "every user of this machine may change " + e.Program
	}
	return fmt.Sprintf("%s could not be started: %v", e.Program, errors.Unwrap(e))
}

// Unwrap returns the error of the system.
func (e *NotStartedError) Unwrap() error {
	if inner, ok := errors.AsType[*exec.Error](e.err); ok {
		return inner.Err
	}
	if inner, ok := errors.AsType[*os.PathError](e.err); ok {
		return inner.Err
	}
	return e.err
}

// FindProgram returns a *NotStartedError if a program cannot be started, as far as can be
// told without that. program is a path, or a name that is looked for in PATH.
//
// A file that every user of the machine may write is refused: it could be given a secret.
func FindProgram(program string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return &NotStartedError{program, err}
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows" { // which has no such bits
		return &NotStartedError{path, errAnyone}
	}
	return nil
}

var errAnyone = errors.New("every user of this machine may change it")

// Run runs the hook and waits for it. It works in the home folder of the user, with keyd's
// own environment, without the variables that are only for keyd and those that hold
// credentials of AWS. At the limit, or when ctx ends, Run ends the command and everything
// that the command started, except processes that left its process group.
func (h Hook) Run(ctx context.Context) (HookOutput, error) {
	if err := FindProgram(h.Argv[0]); err != nil {
		return HookOutput{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.Limit, fmt.Errorf("not finished after %s: ended", h.Limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Argv[0], h.Argv[1:]...)
	cmd.Stdin = bytes.NewReader(h.Stdin)
	cmd.Dir = homeFolder()
	cmd.Env = withoutCredentials(withoutServiceVars(cmd.Environ()))
	cmd.WaitDelay = 2 * time.Second
	printed := &capture{mask: newMask(h.Secrets)}
	cmd.Stdout, cmd.Stderr = printed, printed
	setProcessGroup(cmd)
	err := cmd.Run()
	output := printed.output()
	switch exit, failed := errors.AsType[*exec.ExitError](err); {
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success(): // it has left something running
		return output, nil
	case ctx.Err() != nil:
		return output, context.Cause(ctx)
	case failed && exit.ExitCode() >= 0:
		return output, fmt.Errorf("exit code %d", exit.ExitCode())
	case failed:
		return output, errors.New(exit.String()) // a signal has ended it
	case cmd.Process == nil:
		return output, &NotStartedError{h.Argv[0], err}
	}
	return output, err
}

// homeFolder returns the folder in which hooks work.
func homeFolder() string {
	home, err := os.UserHomeDir()
	if info, failed := os.Stat(home); err != nil || failed != nil || !info.IsDir() {
		return string(filepath.Separator)
	}
	return home
}

// withoutCredentials returns env without the variables with which AWS tools sign: a hook
// that calls AWS reads the files, which hold the pair that it is about.
func withoutCredentials(env []string) []string {
	var kept []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch strings.ToUpper(name) { // Windows does not tell them apart
		case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCESS_KEY", "AWS_SECRET_KEY":
		default:
			kept = append(kept, v)
		}
	}
	return kept
}

// capture keeps the end of what a command prints.
type capture struct {
	mask   mask
	kept   []byte
	leaked bool
}

// Write keeps p. What no longer fits is forgotten, once it was searched for secrets.
func (c *capture) Write(p []byte) (int, error) {
	c.kept = append(c.kept, p...)
	if drop := len(c.kept) - 2*keptOutput; drop > 0 {
		c.leaked = c.leaked || c.mask.isIn(string(c.kept))
		c.kept = append(c.kept[:0], c.kept[len(c.kept)-keptOutput:]...)
	}
	return len(p), nil
}

// output returns what was printed, without the secrets.
func (c *capture) output() HookOutput {
	plain := strings.ReplaceAll(strings.ToValidUTF8(string(c.kept), "?"), "\x00", "") // UTF-16 has a NUL in each character
	text, found := c.mask.hide(plain)
	text = text[max(len(text)-keptOutput, 0):]
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r", "\n")), "\n")
	return HookOutput{Last: printable(lines[len(lines)-1]), Text: strings.ToValidUTF8(text, ""), Leaked: found || c.leaked}
}
