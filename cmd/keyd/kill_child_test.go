package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon"
	"keyd/daemon/settings"
)

// clockHeader tells AWS the time at a hurried keyd. The header is added after signing,
// so the signature does not cover it.
const clockHeader = "X-Keyd-Clock"

// keydHurried runs the whole keyd process in simulated time. Files, locks, sockets
// and kill -9 are real, but as soon as keyd only waits, the wait is over. So a
// rotation takes only as long as its work, a tenth of a second, and a kill at a
// random instant hits an effect and not a wait. The time starts at $KEYD_CLOCK.
//
// It differs from keyd in two ways, because an idle connection or a file watch would
// stop the simulated clock: each request has its own connection, and "run" is the
// loop without the file watch. It does not really wait for other programs either, so
// the tests with other writers use keyd itself.
func keydHurried() {
	args := os.Args[1:]
	os.Args = os.Args[:1]
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // starts the runtime's signal goroutine outside the bubble
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "keyd", F: func(t *testing.T) {
		synctest.Test(t, func(*testing.T) { os.Exit(executeHurried(args)) })
	}}}, nil, nil)
}

// executeHurried does what main does, inside a synctest bubble.
func executeHurried(args []string) int {
	start, err := time.Parse(time.RFC3339Nano, os.Getenv("KEYD_CLOCK"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "KEYD_CLOCK:", err)
		return exitUsage
	}
	time.Sleep(time.Until(start))
	p := process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, goos: runtime.GOOS, now: time.Now,
		http: hurriedHTTP{&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}},
	}
	if len(args) == 1 && args[0] == "run" {
		return runHurriedDaemon(p)
	}
	return executeKeyd(args, p)
}

// runHurriedDaemon does what keyd run does, without the file watch.
func runHurriedDaemon(p process) int {
	u := newApp(p)
	d, s, err := u.openDaemon("run")
	if err != nil {
		return u.reportError(err)
	}
	d.Log = slog.New(slog.NewTextHandler(u.err, nil))
	return u.reportError(daemon.Run(context.Background(), d, daemon.RunOptions{
		Reload: func() (settings.Settings, error) { return settings.Load(s.folders.SettingsFile) },
	}))
}

type hurriedHTTP struct{ *http.Client }

// callTime is how long a call takes by the clock of a hurried keyd. Work takes no
// simulated time, so without it everything before and after a call would happen at
// the same instant.
const callTime = 30 * time.Millisecond

func (h hurriedHTTP) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(callTime)
	r.Header.Set(clockHeader, time.Now().Format(time.RFC3339Nano))
	return h.Client.Do(r)
}
