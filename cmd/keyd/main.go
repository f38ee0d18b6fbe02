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
)

func main() {
	os.Exit(run(os.Args[1:], process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv, goos: runtime.GOOS, now: time.Now,
	}))
}

// process is what a command gets from outside.
type process struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	goos     string // a runtime.GOOS value
	now      func() time.Time
	http     doer // nil: the network
}

// doer sends one request, as http.Client does.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// run is keyd from the arguments to the exit code. The first SIGINT or SIGTERM
// ends what can be ended and says where things stand; the second one kills,
// which harms nothing either: what a crash must not lose is on disk.
func run(args []string, p process) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	u := newUI(p)
	root := newRoot(u, args)
	root.SetArgs(args)
	return u.exitCode(root.ExecuteContext(ctx))
}
