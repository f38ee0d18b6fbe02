package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestNoHalfMinuteOfSilence: what takes longer than two seconds is shown on a terminal, with
// who is asked and since when, and the line goes when the answer comes. Piped, and with -q,
// nothing is shown.
func TestNoHalfMinuteOfSilence(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		quiet bool
		shown bool
	}{{"terminal", 80, false, true}, {"piped", 0, false, false}, {"quiet", 80, true, false}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				a := newApp(process{in: strings.NewReader(""), out: &out, err: &out, goos: "linux", now: time.Now, getenv: func(string) string { return "" }})
				a.term.width, a.term.quiet = c.width, c.quiet
				b := a.startBusy()
				defer b.stop()
				b.wait("asking iam.amazonaws.com (ListAccessKeys)")
				time.Sleep(time.Second)
				b.wait("") // answered in time
				b.wait("asking sts.eu-west-1.amazonaws.com (GetCallerIdentity)")
				time.Sleep(5*time.Second + 100*time.Millisecond)
				b.wait("")
				b.stop()
				said := out.String()
				if strings.Contains(said, "iam.amazonaws.com") {
					t.Errorf("a call that was answered in a second is shown: %q", said)
				}
				if strings.Contains(said, "  asking sts.eu-west-1.amazonaws.com (GetCallerIdentity)  5.0s") != c.shown {
					t.Errorf("%q", said)
				}
				if c.shown && !strings.HasSuffix(said, "\r\x1b[K") {
					t.Errorf("the line stays: %q", said)
				}
				if !c.shown && said != "" {
					t.Errorf("%q", said)
				}
			})
		})
	}
}

// TestSlowAWSIsNamed: each command that asks AWS says on a terminal whom it asks when no
// answer comes for some seconds.
func TestSlowAWSIsNamed(t *testing.T) {
	for name, run := range map[string]func(*app, context.Context) error{
		"retire": func(a *app, ctx context.Context) error { return a.retireKey(ctx, "default", true, true) },
		"prune":  func(a *app, ctx context.Context) error { return a.pruneKey(ctx, "default", "", true) },
		"rotate": func(a *app, ctx context.Context) error { return a.rotateKeys(ctx, nil, rotateFlags{dryRun: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, tidy)
				d.cloud.Inject(awssim.Fault{Latency: 5 * time.Second})
				a := d.newApp()
				a.term.width, a.term.height = 80, 24
				_ = run(a, t.Context())
				for _, want := range []string{"\r  asking iam.amazonaws.com (", "\r  asking sts.amazonaws.com (GetCallerIdentity)  3.0s"} {
					if !strings.Contains(d.said.String(), want) {
						t.Errorf("no %q in %q", want, d.said.String())
					}
				}
				if strings.HasSuffix(d.said.String(), "s\x1b[K") {
					t.Errorf("the line stays: %q", d.said.String())
				}
			})
		})
	}
}
