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

// outbox runs commands beside the loop, one after the other: a command that
// hangs keeps no key waiting.
type outbox struct {
	getenv func(string) string
	queue  chan command
	failed chan string // what went wrong, for the loop to tell
	done   chan struct{}
	cancel context.CancelFunc
}

// command is one program to run.
type command struct {
	name    string // of the setting, for errors
	argv    []string
	stdin   []byte
	env     []string // added to the daemon's own
	limit   time.Duration
	quietly bool // its failure is none: there may be no desktop
}

const (
	eventLimit   = 30 * time.Second // for on_event
	desktopLimit = 10 * time.Second
	lastWords    = 5 * time.Second // for what still runs when the daemon ends
	mostWaiting  = 64
)

func newOutbox(getenv func(string) string) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{getenv: getenv, queue: make(chan command, mostWaiting), failed: make(chan string, mostWaiting), done: make(chan struct{}), cancel: cancel}
	go o.run(ctx)
	return o
}

// post hands a command over; false when too many wait.
func (o *outbox) post(c command) bool {
	select {
	case o.queue <- c:
		return true
	default:
		return false
	}
}

func (o *outbox) run(ctx context.Context) {
	defer close(o.done)
	for c := range o.queue {
		err := c.run(ctx)
		if err == nil || c.quietly {
			continue
		}
		select {
		case o.failed <- err.Error():
		default: // the first ones say it
		}
	}
}

// close lets what waits end, for a moment.
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

// told is what on_event gets on standard input.
type told struct {
	Version     int       `json:"version"` // 1
	Time        time.Time `json:"time"`
	Event       string    `json:"event"` // the words of keyd history, and "needs you"
	Profiles    []string  `json:"profiles"`
	Key         string    `json:"key"` // the id that the files showed; never a secret
	Text        string    `json:"text"`
	Run         string    `json:"run,omitzero"` // the command that helps
	NeedsPerson bool      `json:"needs_person"`
}

func onEvent(argv []string, e Event) command {
	text, err := json.Marshal(told{Version: 1, Time: e.Time.UTC(), Event: e.Verb, Profiles: e.Profiles, Key: e.Key,
		Text: e.Text, Run: e.Run, NeedsPerson: e.Verb == NeedsYou})
	if err != nil {
		return command{}
	}
	return command{name: "on_event", argv: argv, stdin: append(text, '\n'), limit: eventLimit}
}

// run runs the program to its end or to its limit; then it is killed with all
// that it started and that did not take care to leave its process group.
func (c command) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("not done after %s: killed", c.limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdin = bytes.NewReader(c.stdin)
	cmd.Env = append(withoutOurs(cmd.Environ()), c.env...)
	cmd.WaitDelay = 2 * time.Second
	var words lastLine
	cmd.Stderr = &words
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	text := fmt.Sprintf("%s: %s: %v", c.name, c.argv[0], err)
	if words.text != "" {
		text += ": " + words.text
	}
	return fmt.Errorf("%s", text)
}

// withoutOurs leaves out what speaks to the daemon alone: a child that beats
// the watchdog would keep a hanging daemon alive.
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

func (l *lastLine) Write(p []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(p)), "\n")
	last := lines[len(lines)-1]
	if last != "" {
		l.text = strings.ToValidUTF8(last[:min(len(last), 200)], "")
	}
	return len(p), nil
}
