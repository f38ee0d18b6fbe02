package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Outbox runs programs in its own goroutine, one after the other, so that a program
// that hangs does not delay the rotation of keys.
type outbox struct {
	getenv func(string) string
	queue  chan command
	failed chan string // the failures of programs, for the loop to report
	done   chan struct{}
	cancel context.CancelFunc
}

// Program is one program to run. Without Argv there is nothing to run: do not Post it.
type command struct {
	name    string        // the setting that names the program, for errors
	argv    []string      // the program and its arguments
	stdin   []byte        // its standard input
	env     []string      // variables to add to the daemon's environment
	limit   time.Duration // after which it is killed
	quietly bool          // do not report failures: there may be no desktop
}

const (
	// EventLimit is how long an on_event program may run.
	eventLimit   = 30 * time.Second
	desktopLimit = 10 * time.Second // how long a desktop notification may take
	lastWords    = 5 * time.Second  // how long Close waits for programs
	mostWaiting  = 64               // how many programs may wait in the queue
)

// StartOutbox returns a running Outbox. getenv finds the session's message bus.
func newOutbox(getenv func(string) string) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{getenv: getenv, queue: make(chan command, mostWaiting), failed: make(chan string, mostWaiting), done: make(chan struct{}), cancel: cancel}
	go o.run(ctx)
	return o
}

// Post queues a program. It returns false, and drops the program, when too many wait.
func (o *outbox) post(c command) bool {
	select {
	case o.queue <- c:
		return true
	default:
		return false
	}
}

// runQueue runs the queued programs until the queue is closed and empty.
func (o *outbox) run(ctx context.Context) {
	defer close(o.done)
	for c := range o.queue {
		err := c.run(ctx)
		if err == nil || c.quietly {
			continue
		}
		select {
		case o.failed <- err.Error():
		default: // the failures already queued are enough
		}
	}
}

// Close waits a few seconds for the queued programs. Then it kills the running one and
// drops the others.
func (o *outbox) close() {
	close(o.queue)
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
	o.cancel()
	<-o.done
}

// eventJSON is what on_event gets on standard input.
type told struct {
	Version     int       `json:"version"` // 1
	Time        time.Time `json:"time"`
	Event       string    `json:"event"` // a word of keyd history, or "needs you"
	Profiles    []string  `json:"profiles"`
	Key         string    `json:"key"` // the key id in the files; never a secret
	Text        string    `json:"text"`
	Run         string    `json:"run,omitzero"` // a command or a question that helps
	NeedsPerson bool      `json:"needs_person"`
}

// onEventProgram returns the program of on_event, with e on standard input.
func onEvent(argv []string, e Event) command {
	text, err := json.Marshal(told{Version: 1, Time: e.Time.UTC(), Event: e.Verb, Profiles: e.Profiles, Key: e.Key,
		Text: e.Text, Run: e.Run, NeedsPerson: e.Verb == NeedsYou})
	if err != nil {
		return command{}
	}
	return command{name: "on_event", argv: argv, stdin: append(text, '\n'), limit: eventLimit}
}

// run runs the program and waits for it. At the limit it kills the program and
// everything the program started, except processes that left its process group.
func (c command) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("not finished after %s: killed", c.limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdin = bytes.NewReader(c.stdin)
	cmd.Env = append(withoutOurs(cmd.Environ()), c.env...)
	cmd.WaitDelay = 2 * time.Second
	var lastError lastLine
	cmd.Stderr = &lastError
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	text := fmt.Sprintf("%s: %s: %v", c.name, c.argv[0], err)
	if lastError.text != "" {
		text += ": " + lastError.text
	}
	return fmt.Errorf("%s", text)
}

// withoutServiceVars returns env without the variables that are meant only for the
// daemon: a child that notified the watchdog would keep a hanging daemon alive.
func withoutOurs(env []string) []string {
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
