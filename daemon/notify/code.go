package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// CodeLimit is how long a command may take to print an MFA code. A security key that waits
// for a touch gives up after 15 seconds.
const CodeLimit = time.Minute

// CodeError is why a command has printed no MFA code. It holds nothing that the command has
// printed: that may be a code, or the seed of all codes.
type CodeError struct{ why, hint string }

// Error says how the command has ended.
func (e *CodeError) Error() string { return "mfa_process " + e.why }

// Hint returns what may help.
func (e *CodeError) Hint() string { return e.hint }

// ReadCode runs line, as a shell would, and returns the MFA code that it prints: six digits
// and nothing else, but for blanks around them. It works in the home folder, with the
// environment of a hook and nothing on its standard input. At the limit, or when ctx ends,
// it is ended with everything that it started. What it has printed is wiped. The error is a
// *CodeError, or the cause of the end of ctx.
func ReadCode(ctx context.Context, line string, limit time.Duration) (string, error) {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := shellCommand(within, line)
	cmd.Dir = homeFolder()
	cmd.Env = withoutCredentials(withoutServiceVars(cmd.Environ()))
	cmd.WaitDelay = 2 * time.Second
	var printed codeOutput
	var said touchFinder
	defer printed.wipe()
	cmd.Stdout, cmd.Stderr = &printed, &said
	setProcessGroup(cmd)
	err := cmd.Run()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case within.Err() != nil && said.touch:
		return "", &CodeError{fmt.Sprintf("did not end within %s, and asks for a touch", limit), "touch your key while it blinks"}
	case within.Err() != nil:
		return "", &CodeError{fmt.Sprintf("did not end within %s", limit), "touch your key while it blinks; a program that asks for a password gets no terminal here"}
	case failed && exit.ExitCode() == 127:
		return "", &CodeError{"names a program that the shell does not find (exit code 127)", "write the whole path of the program in mfa_process; the service has another PATH"}
	case failed && said.touch:
		return "", &CodeError{"failed, and asks for a touch", "touch your key while it blinks"}
	case failed && exit.ExitCode() >= 0:
		return "", &CodeError{fmt.Sprintf("failed with exit code %d", exit.ExitCode()), "run it yourself to see what it prints"}
	case failed:
		return "", &CodeError{"was ended: " + exit.String(), "run it yourself to see what it prints"}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", &CodeError{"could not be started", "it is run by a shell, sh or cmd.exe: install one"}
	}
	code := printed.code()
	if code == "" {
		return "", &CodeError{"printed something other than six digits, which is not kept", "let it print the code and nothing else"}
	}
	return code, nil
}

// codeOutput keeps what a command prints, as long as that can be a code.
type codeOutput struct {
	kept [64]byte
	n    int
	long bool // more was printed than can be a code
}

// Write keeps p. What does not fit is dropped.
func (o *codeOutput) Write(p []byte) (int, error) {
	took := copy(o.kept[o.n:], p)
	o.n, o.long = o.n+took, o.long || took < len(p)
	return len(p), nil
}

// code returns the six digits, or "".
func (o *codeOutput) code() string {
	digits := bytes.TrimSpace(o.kept[:o.n])
	if o.long || len(digits) != 6 || len(bytes.Trim(digits, "0123456789")) > 0 {
		return ""
	}
	return string(digits)
}

func (o *codeOutput) wipe() { clear(o.kept[:]) }

// touchFinder notices whether a command asks for the touch of a key. It keeps the end of
// the last piece only, in which the word may begin.
type touchFinder struct {
	touch bool
	end   []byte
}

// Write looks for the word.
func (f *touchFinder) Write(p []byte) (int, error) {
	text := append(f.end, bytes.ToLower(p)...)
	f.touch = f.touch || bytes.Contains(text, []byte("touch"))
	f.end = bytes.Clone(text[max(len(text)-4, 0):])
	clear(text)
	return len(p), nil
}
