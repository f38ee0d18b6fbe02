package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const runLong = `Look at every key again and again, and do what is due, until SIGTERM or Ctrl-C. It
logs to standard error. keyd.ini is read again before every pass; a mistake in
it is told, and the last good settings stay in force.`

func newRun(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "keep all keys young, in the foreground",
		Long:  runLong,
		Args:  takes(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return u.run(cmd.Context()) },
	}
}

func (u *ui) run(ctx context.Context) error {
	d, s, err := u.daemon("run")
	if err != nil {
		return err
	}
	d.Log = slog.New(slog.NewTextHandler(u.err, nil))
	d.Tell = func(e daemon.Event) {
		if !e.Progress {
			d.Log.Info(e.Verb, "profiles", listed(e.Profiles), "key", shortID(e.Key), "text", e.Text)
		}
	}
	if err := u.nameEndpoints(ctx, s, nil); err != nil {
		d.Log.Warn("files", "why", err.Error()) // they may come
	}
	err = d.Run(ctx, func() (daemon.Settings, error) { return daemon.LoadSettings(s.folders.Settings) })
	if err == nil {
		d.Log.Info("ended", "why", context.Cause(ctx).Error())
	}
	return err
}
