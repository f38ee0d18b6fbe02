package main

import (
	"errors"
	"fmt"

	"keyd/credfile/atomicfile"
	"keyd/daemon"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/install"
)

// The exit codes; see exitCodes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitPerson = 3

	// exitRunning means that keyd run found another daemon. It is the next number that is
	// free: from 64 on, codes have a meaning to mailers, shells, signals or systemd. No
	// other failure has this code, because the service does not start again after it.
	exitRunning = install.ExitAlreadyRunning

	// exitSettings means that keyd.ini has a mistake, or that the managed settings cannot be
	// used. A script can tell it from a key that needs a person.
	exitSettings = 5

	// exitSignal is added to the number of the signal that interrupted a command, as
	// shells do it: 130 after Ctrl-C.
	exitSignal = 128
)

// exitCodes lists the exit codes for people, in the manual and in keyd help exit-codes.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{exitDone, "done"},
	{exitFailed, "failed; the error says what was left as it was, and a hint says what may help"},
	{exitUsage, "keyd does not understand the command line"},
	{exitPerson, "a key needs a person"},
	{exitRunning, "`keyd run`: another `keyd run` is at work on the same state folder (0 under launchd, which cannot be told to leave such a program alone)"},
	{exitSettings, "keyd.ini, or the managed one, has a mistake; the error names its line"},
	{exitSignal + 2, "interrupted by Ctrl-C; the error says where things stand (129: the terminal was closed; 143: by SIGTERM)"},
}

// commandError ends a command with an error, a hint and an exit code.
type commandError struct {
	text, hint string
	code       int
}

func (e *commandError) Error() string { return e.text }

// Hint returns a command or a question that helps.
func (e *commandError) Hint() string { return e.hint }

// usageError reports a command line that keyd does not understand.
func usageError(hint, format string, args ...any) error {
	return &commandError{fmt.Sprintf(format, args...), hint, exitUsage}
}

// hintedError reports any other failure, with a hint.
func hintedError(hint, format string, args ...any) error {
	return &commandError{fmt.Sprintf(format, args...), hint, exitFailed}
}

// exitError ends the program with an exit code after everything has been printed.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// worseCode returns the more important of two exit codes. An interruption outranks
// everything. A failure outranks a key that needs a person: a script that waits for the
// person should not hide it.
func worseCode(a, b int) int {
	if max(a, b) >= exitSignal {
		return max(a, b)
	}
	if a == exitFailed || b == exitFailed {
		return exitFailed
	}
	return max(a, b)
}

// errorCode returns the exit code for an error. A file that cannot be read or
// written concerns no single key, so it is a failure like any other.
func errorCode(err error) int {
	if command, ok := errors.AsType[*commandError](err); ok {
		return command.code
	}
	if _, ok := errors.AsType[daemon.AlreadyRunningError](err); ok {
		return exitRunning
	}
	if _, ok := errors.AsType[*rotate.AmbiguousIDError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*settings.Error](err); ok {
		return exitSettings
	}
	if _, ok := errors.AsType[*settings.ManagedError](err); ok {
		return exitSettings
	}
	if interrupted, ok := errors.AsType[*interruptedError](err); ok {
		return interrupted.exitCode()
	}
	if _, files := errors.AsType[*atomicfile.Refused](err); !files && rotate.NeedsPerson(err) {
		return exitPerson
	}
	return exitFailed
}

// reportError prints an error, unless that has been done, and returns its exit
// code.
func (a *app) reportError(err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	a.term.printError(stripPackages(err.Error()), hint.Hint(err))
	return errorCode(err)
}

// reportLost returns the exit code of a command, which has failed if what it printed is not
// complete and was all that it did: a script would take half a report for a whole one.
func (a *app) reportLost(args []string, code int) int {
	if a.term.lost == nil || changesThings(args) || len(args) > 0 && args[0] == "run" {
		return code
	}
	a.term.printError("not all of this could be printed: "+a.term.lost.Error(), "")
	return worseCode(code, exitFailed)
}
