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
)

// clockHeader tells the AWS of a keyd in a hurry what time it is there. It is
// added after signing, and not signed.
const clockHeader = "X-Keyd-Clock"

// keydHurried is keyd, the whole process, in a hurry: files, locks, sockets and
// kill -9 are real, but whenever it does nothing but wait, the time that it
// waits for is over. So a rotation takes as long as its work, a tenth of a
// second, and a kill at a random instant hits an effect and not a wait. Time
// begins at $KEYD_CLOCK.
//
// It differs from keyd in this: each request has a connection of its own, since
// an idle one would hold the clock, and "run" is the loop without the watch of
// the files, for the same reason. What another program does meanwhile is not
// waited for in earnest, so the tests of other writers use keyd itself.
func keydHurried() {
	args := os.Args[1:]
	os.Args = os.Args[:1]
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // the runtime's goroutine for signals must be outside
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: "keyd", F: func(t *testing.T) {
		synctest.Test(t, func(*testing.T) { os.Exit(hurry(args)) })
	}}}, nil, nil)
}

// hurry is main in a bubble.
func hurry(args []string) int {
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
		return hurryRun(p)
	}
	return executeKeyd(args, p)
}

// hurryRun is keyd run without the watch of the files.
func hurryRun(p process) int {
	u := newApp(p)
	d, s, err := u.openDaemon("run")
	if err != nil {
		return u.reportError(err)
	}
	d.Log = slog.New(slog.NewTextHandler(u.err, nil))
	return u.reportError(daemon.Run(context.Background(), d, daemon.Around{
		Reload: func() (daemon.Settings, error) { return daemon.LoadSettings(s.folders.Settings) },
	}))
}

type hurriedHTTP struct{ *http.Client }

// callTime is how long a call takes by the clock of a keyd in a hurry. Its work
// takes no time: without this, what comes before and after would be the same instant.
const callTime = 30 * time.Millisecond

func (h hurriedHTTP) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(callTime)
	r.Header.Set(clockHeader, time.Now().Format(time.RFC3339Nano))
	return h.Client.Do(r)
}
