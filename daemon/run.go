package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"keyd/credfile/atomicfile"
)

// AliveError is a second daemon on the same state folder.
type AliveError struct{}

func (AliveError) Error() string { return "a daemon already runs here" }

// Hint shows it.
func (AliveError) Hint() string { return "keyd status" }

// Run does a pass now and again, until ctx is cancelled, and then returns nil.
// reload is called before every pass; its settings are used when it succeeds,
// and the last good ones, with the reason in the status, when it does not.
func (d *Daemon) Run(ctx context.Context, reload func() (Settings, error)) error {
	if err := atomicfile.MkdirAll(d.Sys, d.State, 0o700); err != nil {
		return fmt.Errorf("daemon: the state folder: %w", err)
	}
	release, err := lockFile(ctx, filepath.Join(d.State, "daemon.lock"), 200*time.Millisecond)
	if _, busy := errors.AsType[*BusyError](err); busy {
		return AliveError{}
	}
	if err != nil {
		return err
	}
	defer release()
	for {
		d.reload(reload)
		results, err := d.Pass(ctx, Request{})
		d.logPass(results, err)
		if pause(ctx, d.untilNext(results)) != nil {
			return nil
		}
	}
}

func (d *Daemon) reload(load func() (Settings, error)) {
	s, err := load()
	if err != nil {
		d.SettingsProblem = err.Error()
		d.Log.Error("settings", "why", err.Error())
		return
	}
	d.Settings, d.SettingsProblem = s, ""
}

func (d *Daemon) logPass(results []Result, err error) {
	if err != nil {
		d.Log.Error("pass", "why", err.Error())
	}
	for _, r := range results {
		d.Log.Info("key", "profiles", r.Profiles, "key", short(r.Key), "state", string(r.State), "why", r.Why, "until", r.Next)
	}
}

// untilNext is how long to sleep: to the next due time, but never longer than
// check_every, so that an edited file and a laptop that slept are noticed.
func (d *Daemon) untilNext(results []Result) time.Duration {
	step := d.Settings.CheckEvery
	for _, r := range results {
		if left := r.Next.Sub(d.Now()); !r.Next.IsZero() && left < step {
			step = left
		}
	}
	return max(step, time.Second)
}
