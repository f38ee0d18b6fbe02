// Package notify runs programs that inform people, the on_event program of keyd.ini and
// the desktop notification, the hooks of keyd.ini, which bring a new pair to places
// that are not files, and mfa_process, which prints a code (code.go). It is the only code of the daemon that starts programs. A program
// that hangs, fails or floods the queue delays no rotation.
package notify

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Outbox runs programs in its own goroutine, one after the other, so that a program
// that hangs does not delay the rotation of keys.
type Outbox struct {
	getenv   func(string) string
	queue    chan Program
	Failures chan string // the failures of programs, for the loop to report
	done     chan struct{}
	cancel   context.CancelFunc
}

// Program is one program to run. Without Argv there is nothing to run: do not Post it.
type Program struct {
	Name          string        // the setting that names the program, for errors
	Argv          []string      // the program and its arguments
	Stdin         []byte        // its standard input
	Env           []string      // variables to add to the daemon's environment
	Limit         time.Duration // after which it is killed
	IgnoreFailure bool          // do not report failures: there may be no desktop
}

const (
	// EventLimit is how long an on_event program may run.
	EventLimit   = 30 * time.Second
	desktopLimit = 10 * time.Second // how long a desktop notification may take
	closeWait    = 5 * time.Second  // how long Close waits for programs
	maxQueued    = 64               // how many programs may wait in the queue
)

// StartOutbox returns a running Outbox. getenv finds the session's message bus.
func StartOutbox(getenv func(string) string) *Outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &Outbox{getenv: getenv, queue: make(chan Program, maxQueued), Failures: make(chan string, maxQueued), done: make(chan struct{}), cancel: cancel}
	go o.runQueue(ctx)
	return o
}

// Post queues a program. It returns false, and drops the program, when too many wait.
func (o *Outbox) Post(c Program) bool {
	select {
	case o.queue <- c:
		return true
	default:
		return false
	}
}

// runQueue runs the queued programs until the queue is closed and empty.
func (o *Outbox) runQueue(ctx context.Context) {
	defer close(o.done)
	for c := range o.queue {
		err := c.Run(ctx)
		if err == nil || c.IgnoreFailure {
			continue
		}
		select {
		case o.Failures <- err.Error():
		default: // the failures already queued are enough
		}
	}
}

// Close waits a few seconds for the queued programs. Then it kills the running one and
// drops the others.
func (o *Outbox) Close() {
	close(o.queue)
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
	o.cancel()
	<-o.done
}

// Run runs the program and waits for it. At the limit it kills the program and
// everything the program started, except processes that left its process group.
func (c Program) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Limit, fmt.Errorf("not finished after %s: killed", c.Limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	cmd.Env = append(withoutServiceVars(cmd.Environ()), c.Env...)
	cmd.WaitDelay = 2 * time.Second
	var lastError lastLine
	cmd.Stderr = &lastError
	setProcessGroup(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	text := fmt.Sprintf("%s: %s: %v", c.Name, c.Argv[0], err)
	if lastError.text != "" {
		text += ": " + lastError.text
	}
	return fmt.Errorf("%s", text)
}

// withoutServiceVars returns env without the variables that are meant only for the
// daemon: a child that notified the watchdog would keep a hanging daemon alive.
func withoutServiceVars(env []string) []string {
	var kept []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM":
		default:
			kept = append(kept, v)
		}
	}
	return kept
}

// lastLine keeps the last line that was written to it, up to 200 bytes.
type lastLine struct{ text string }

// Write keeps the last line of p.
func (l *lastLine) Write(p []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(p)), "\n")
	last := lines[len(lines)-1]
	if last != "" {
		l.text = strings.ToValidUTF8(last[:min(len(last), 200)], "")
	}
	return len(p), nil
}
