package main

import (
	"errors"
	"fmt"

	"keyd/credfile/atomicfile"
	"keyd/daemon"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitPerson = 3 // a key needs a person
)

// usageError is a command line that keyd does not understand.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// Hint is the command, or the question, that helps.
func (e *usageError) Hint() string { return e.hint }

func usage(hint, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), hint}
}

// exitError ends the program with a code, after all that is to be said has been.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// worseCode returns the exit code of two that says more. A failure goes before a
// question: scripts that wait for a person should not hide it.
func worseCode(a, b int) int {
	if a == exitFailed || b == exitFailed {
		return exitFailed
	}
	return max(a, b)
}

// errorCode is the exit code of a failure. A file that cannot be read or written at
// all concerns no key: that is a failure like any other.
func errorCode(err error) int {
	if _, files := errors.AsType[*atomicfile.Refused](err); !files && daemon.NeedsPerson(err) {
		return exitPerson
	}
	return exitFailed
}

// reportError says what err says, if nobody has yet, and returns its code.
func (u *ui) reportError(err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	u.printError(stripPackages(err.Error()), daemon.Hint(err))
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return errorCode(err)
}
