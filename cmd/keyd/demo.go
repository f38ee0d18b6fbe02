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

	"keyd/daemon"
)

const demoLong = `Show the whole life of four keys in half a minute, in a throwaway home and
against a simulated AWS: a young key, an old one that two profiles share, one
whose user already has a second key, and a temporary one. The simulator's IAM
takes as long as the real one to learn a key; hours and days are skipped.
Nothing outside the throwaway home is read or written, and nothing listens.

The exit code is 0 only if the old key was replaced, nothing else was touched,
and the pair in the file was usable at every millisecond.

--serve keeps the simulator up on loopback instead, and prints the environment
with which keyd, the AWS CLI and every SDK use it.`

func newDemoCommand(u *ui) *cobra.Command {
	serve := false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show a whole rotation against a simulated AWS",
		Long:  demoLong,
		Args:  limitArgs(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, err := os.MkdirTemp("", "keyd-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(home)
			if serve {
				return u.serveDemo(cmd.Context(), home)
			}
			return u.runDemo(cmd.Context(), home)
		},
	}
	cmd.Flags().BoolVar(&serve, "serve", false, "keep the simulator up on loopback until Ctrl-C")
	return cmd
}

// runDemo is what a person sees.
func (u *ui) runDemo(ctx context.Context, home string) error {
	began := time.Now()
	w, err := newDemoWorld(home, false)
	if err != nil {
		return err
	}
	inner := u.enterDemo(w)
	watcher := watchFile(w)
	u.printf("A throwaway home, and a simulated AWS whose IAM takes 3 to 10 seconds to learn a new key.\n")
	if err := inner.showDemoStatus(ctx, "$ keyd status"); err != nil {
		return err
	}
	if err := inner.rotateDemo(ctx, w); err != nil {
		return err
	}
	if err := inner.showDemoStatus(ctx, "$ keyd status"); err != nil {
		return err
	}
	v := w.judgeDemo(watcher.stop())
	u.printf("\n$ diff credentials.before credentials\n%s\nAWS, as it really is:\n%s\n", v.diff, v.keys)
	u.printf("The pair in the file was not usable for %d ms, in %s of simulated time.\n", v.outage.Milliseconds(), formatDuration(w.skipped()))
	for _, wrong := range v.wrong {
		u.printError(wrong, "")
	}
	if len(v.wrong) > 0 {
		return exitError(exitFailed)
	}
	u.printf("Took %s. On your own keys: keyd rotate --dry-run\n", time.Since(began).Round(100*time.Millisecond))
	return nil
}

// enterDemo is the same terminal in the demo's world: its home, clock and AWS.
func (u *ui) enterDemo(w *demoWorld) *ui {
	inner := *u
	inner.getenv, inner.now, inner.http, inner.home, inner.err = w.getenv, w.clock.now, w.cloud, w.home, u.out
	inner.host = nil // no service of the person's is about this world
	return &inner
}

// showDemoStatus runs keyd status as a person would.
func (u *ui) showDemoStatus(ctx context.Context, prompt string) error {
	u.printf("\n%s\n", prompt)
	return ignoreNeedsPerson(u.showStatus(ctx, nil, false))
}

// ignoreNeedsPerson forgives exit code 3: the demo has a key that needs a person.
func ignoreNeedsPerson(err error) error {
	if code, ok := errors.AsType[exitError](err); ok && code == exitPerson {
		return nil
	}
	return err
}

// rotateDemo rotates, and lets the time pass that a rotation takes.
func (u *ui) rotateDemo(ctx context.Context, w *demoWorld) error {
	u.printf("\n$ keyd rotate\n")
	if err := ignoreNeedsPerson(u.rotateKeys(ctx, nil, rotateFlags{})); err != nil {
		return err
	}
	for {
		until, about, err := w.nextStep()
		if err != nil || about == "" {
			return err
		}
		skip := max(until.Sub(u.now()), 0)
		w.clock.skip(skip)
		u.printf("\n~~~ %s later: %s ~~~\n", formatDuration(skip.Round(time.Hour)), about)
		if err := ignoreNeedsPerson(u.rotateKeys(ctx, []string{"default"}, rotateFlags{})); err != nil {
			return err
		}
	}
}

// nextStep is when the rotation goes on, and what has passed until then; "" when
// none goes on.
func (w *demoWorld) nextStep() (until time.Time, about string, err error) {
	status, err := daemon.LoadStatus(w.state())
	if err != nil {
		return time.Time{}, "", err
	}
	for _, l := range status.Keys {
		switch l.State {
		case daemon.Overlap:
			return l.Next, "the overlap is over", nil
		case daemon.Quarantine:
			return l.Next, "the quarantine is over", nil
		case daemon.Waiting, daemon.Rotating:
			return l.Next, "trying again", nil
		}
	}
	return time.Time{}, "", nil
}

// serveDemo is the simulator for other programs.
func (u *ui) serveDemo(ctx context.Context, home string) error {
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
	u.printf("# a simulated AWS, until Ctrl-C; in another terminal:\n")
	for _, line := range w.environment("http://" + listener.Addr().String()) {
		u.printf("export %s\n", line)
	}
	u.printf("# keyd status; keyd rotate; aws sts get-caller-identity; aws iam list-access-keys --profile work\n")
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the simulator ended: %w", err)
	}
	return nil
}
