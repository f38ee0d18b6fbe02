// Keyd keeps the access keys in ~/.aws/credentials young without ever locking
// their owner out.
package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"keyd/daemon"
	"keyd/install"
)

func main() {
	_ = daemon.NoDumps() // every command reads the secrets; keyd run, which lives long, tells when this fails
	os.Exit(executeKeyd(os.Args[1:], process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, goos: runtime.GOOS, now: time.Now, host: install.Here,
	}))
}

// process is what a command gets from outside.
type process struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	goos     string // a runtime.GOOS value
	now      func() time.Time
	http     httpClient // nil: the network
	host     func() (install.Host, error)
}

// httpClient sends one request, as http.Client does.
type httpClient interface {
	Do(*http.Request) (*http.Response, error)
}

// executeKeyd is keyd from the arguments to the exit code.
func executeKeyd(args []string, p process) int {
	u := newUI(p)
	root := newRootCommand(u, args)
	root.SetArgs(args)
	ctx := context.Background()
	if len(args) == 0 || args[0] != "status" { // over before anybody could interrupt it
		var stop func()
		ctx, stop = untilSignal(ctx)
		defer stop()
	}
	return u.reportError(root.ExecuteContext(ctx))
}

// untilSignal ends the context on the first SIGINT or SIGTERM: the command ends
// what can be ended and says where things stand. The second one kills, which
// harms nothing either: what a crash must not lose is on disk.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
