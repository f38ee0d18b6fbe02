package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

const demoLong = `Show the whole life of four keys in half a minute, in a throwaway home and with
a simulated AWS: a young key, an old key that two profiles share, a key whose
user already has a second one, and a temporary key. The simulator's IAM takes
as long as the real one to accept a new key; hours and days are skipped. The
demo reads and writes nothing outside the throwaway home, and does not listen
on the network.

The exit code is 0 only if the old key was replaced, nothing else was changed,
and the pair in the file was usable at every millisecond.

--serve keeps the simulator running on loopback instead, and prints the
environment variables that make keyd, the AWS CLI and every SDK use it.`

const demoExample = `  keyd demo           a whole rotation in half a minute
  keyd demo --serve   a simulated AWS, for keyd and any other AWS tool`

func newDemoCommand(a *app) *cobra.Command {
	serve := false
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "show a whole rotation with a simulated AWS",
		Long:    demoLong,
		Example: demoExample,
		Args:    limitArgs(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := os.MkdirTemp("", "keyd-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(home)
			if serve {
				return a.serveDemo(cmd.Context(), home)
			}
			return a.runDemo(cmd.Context(), home)
		},
	}
	cmd.Flags().BoolVar(&serve, "serve", false, "keep the simulator running on loopback until Ctrl-C")
	return cmd
}

// runDemo shows keyd status, a whole rotation, keyd status again, and the verdict.
func (a *app) runDemo(ctx context.Context, home string) error {
	began := time.Now()
	w, err := newDemoWorld(home, false)
	if err != nil {
		return err
	}
	inner := a.enterDemo(w)
	watcher := watchFile(w)
	a.term.printf("A throwaway home, and a simulated AWS whose IAM takes 3 to 10 seconds to accept a new key.\n")
	if err := inner.showDemoStatus(ctx); err != nil {
		return err
	}
	if err := inner.rotateDemo(ctx, w); err != nil {
		return err
	}
	if err := inner.showDemoStatus(ctx); err != nil {
		return err
	}
	v := w.judgeDemo(watcher.stop())
	a.term.printf("\n$ diff credentials.before credentials\n%s\nAWS, as it really is:\n%s\n", v.diff, v.keys)
	a.term.printf("The key in the file worked at every moment: %d ms of downtime in %s of simulated time.\n", v.outage.Milliseconds(), formatDuration(w.skipped()))
	if watcher.inUse > 0 {
		a.term.printNote("Windows held the file for %s while it replaced it; a program that opened it in that moment had to try again", watcher.inUse.Round(time.Microsecond))
	}
	for _, wrong := range v.wrong {
		a.term.printError(wrong, "")
	}
	if len(v.wrong) > 0 {
		return exitError(exitFailed)
	}
	a.term.printf("Took %s. On your own keys: keyd rotate --dry-run\n", time.Since(began).Round(100*time.Millisecond))
	return nil
}

// enterDemo returns an app that prints to the same terminal, and runs in the home,
// at the time and with the AWS of the demo.
func (a *app) enterDemo(w *demoWorld) *app {
	p, term := a.process, *a.term
	p.getenv, p.now, p.http = w.getenv, w.clock.now, w.cloud
	p.host = nil // a real service has nothing to do with the demo
	p.err, term.err = p.out, term.out
	term.home = w.home
	return &app{process: p, term: &term, verbose: a.verbose}
}

func (a *app) showDemoStatus(ctx context.Context) error {
	a.term.printf("\n$ keyd status\n")
	return ignoreNeedsPerson(a.showStatus(ctx, nil, statusOptions{}))
}

// ignoreNeedsPerson drops exit code 3: one of the demo's keys needs a person.
func ignoreNeedsPerson(err error) error {
	if code, ok := errors.AsType[exitError](err); ok && code == exitPerson {
		return nil
	}
	return err
}

// rotateDemo runs a whole rotation, and skips the time that it waits.
func (a *app) rotateDemo(ctx context.Context, w *demoWorld) error {
	a.term.printf("\n$ keyd rotate\n")
	if err := ignoreNeedsPerson(a.rotateKeys(ctx, nil, rotateFlags{})); err != nil {
		return err
	}
	for {
		until, what, err := w.nextStep()
		if err != nil || what == "" {
			return err
		}
		skip := max(until.Sub(a.now()), 0)
		w.clock.skip(skip)
		a.term.printf("\n~~~ %s later: %s ~~~\n", formatDuration(skip.Round(time.Hour)), what)
		if err := ignoreNeedsPerson(a.rotateKeys(ctx, []string{"default"}, rotateFlags{})); err != nil {
			return err
		}
	}
}

// nextStep returns when the rotation continues, and what happens then; "" if no
// rotation is in progress.
func (w *demoWorld) nextStep() (until time.Time, what string, err error) {
	status, err := state.LoadStatus(w.state())
	if err != nil {
		return time.Time{}, "", err
	}
	for _, l := range status.Keys {
		switch l.State {
		case decide.StateOverlap:
			return l.Until, "the overlap is over", nil
		case decide.StateQuarantine:
			return l.Until, "the quarantine is over", nil
		case decide.StateWaiting, decide.StateRotating:
			return l.Until, "trying again", nil
		}
	}
	return time.Time{}, "", nil
}

// serveDemo serves the simulator to other programs until ctx ends.
func (a *app) serveDemo(ctx context.Context, home string) error {
	w, err := newDemoWorld(home, true)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w.cloud, ReadHeaderTimeout: 10 * time.Second}
	defer server.Close()
	a.term.printf("# a simulated AWS, until Ctrl-C; in another terminal:\n")
	for _, line := range w.environment("http://" + listener.Addr().String()) {
		a.term.printf("export %s\n", line)
	}
	a.term.printf("# keyd status; keyd rotate; aws sts get-caller-identity; aws iam list-access-keys --profile work\n")
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the simulator ended: %w", err)
	}
	return nil
}
