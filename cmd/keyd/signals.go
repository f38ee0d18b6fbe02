package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// closings returns what ends a command besides Ctrl-C: SIGHUP, which comes when the window of
// the terminal is closed. keyd run lives on, and looks again.
func closings(args []string) []os.Signal {
	if args[0] == "run" || args[0] == "logon" {
		return nil
	}
	return []os.Signal{syscall.SIGHUP}
}

// continueUnread lets a command that changes keys or files continue when its output is no
// longer read, as with | head. It would otherwise end in the middle, which is safe, but leaves
// work to the next pass. The commands that only look end then, as other programs do.
func continueUnread(args []string) {
	if changesThings(args) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a write then fails, and does not kill keyd; a program that keyd starts does not inherit this
	}
}

// changesThings reports whether a command may change keys or files. What the others print is
// all that they do. keyd run prints for the service's log alone.
func changesThings(args []string) bool {
	i := slices.IndexFunc(commands, func(c command) bool { return len(args) > 0 && c.name == args[0] })
	if i < 0 {
		return false
	}
	group := commands[i].group
	return group == groupAct || group == groupPlaces || args[0] == "doctor" || group == groupService && args[0] != "logs" && args[0] != "run"
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM, or one of more.
// The command then finishes what can be finished, and reports where things stand. A
// second signal kills the process, which does no harm either: everything that a
// crash must not lose is on disk. A signal that the parent process has set to be ignored, as
// nohup does with SIGHUP, stays ignored.
func untilSignal(parent context.Context, more ...os.Signal) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	for _, s := range more {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		defer signal.Stop(signals)
		select {
		case got := <-signals:
			cancel(&interruptedError{got})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// endOfFollowing returns nil after Ctrl-C, which is the normal way to end a command that
// follows what happens, such as keyd logs -f, and otherwise the signal that ended it.
func endOfFollowing(ctx context.Context) error {
	if interrupted, ok := errors.AsType[*interruptedError](context.Cause(ctx)); ok && interrupted.signal != os.Interrupt {
		return interrupted
	}
	return nil
}

// interruptedError is the cause of a context that a signal has ended.
type interruptedError struct{ signal os.Signal }

// Error says how a person would put it.
func (e *interruptedError) Error() string {
	if e.signal == os.Interrupt {
		return "interrupted"
	}
	if e.signal == syscall.SIGHUP {
		return "the terminal was closed"
	}
	return "ended by a signal (" + e.signal.String() + ")"
}

// exitCode returns the exit code that shells know for the signal.
func (e *interruptedError) exitCode() int {
	if number, ok := e.signal.(syscall.Signal); ok {
		return exitSignal + int(number)
	}
	return exitFailed
}
