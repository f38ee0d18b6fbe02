package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const runLong = `Look at every key again and again, and do what is due, until SIGTERM or Ctrl-C.
SIGHUP, a changed file and a machine that wakes from sleep make it look at once;
else it looks every check_every. It logs to standard error, under systemd to the
journal, and on macOS and Windows to a file as well: keyd logs shows it. keyd.ini
is read again before every pass; a mistake in it is told, and the last good
settings stay in force, also when keyd is started again. When none are known,
nothing is begun until the mistake is mended.

notify = desktop shows a notification when a key needs a person and when a
rotation ended; notify = none shows none.

on_event = PROGRAM [ARG...] is run for every event, without a shell: blanks
separate, "..." and '...' hold together, nothing else is special. The event is
one JSON object on standard input: version (1), time, event (created, swapped,
mended, validated, deactivated, revived, deleted, gave up, "needs you", ...),
profiles, key, text, run (the command that helps) and needs_person. There is
never a secret in it. After 30 seconds the program is killed. What it writes to
standard error is told when it fails; nothing else comes of it.`

func newRunCommand(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "keep all keys young, in the foreground",
		Long:  runLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return u.runDaemon(cmd.Context()) },
	}
}

func (u *ui) runDaemon(ctx context.Context) error {
	s, err := u.findLocations()
	if err != nil {
		return err
	}
	d := u.newDaemon(s.settingsFile().InForce(), s, "run") // unless keyd.ini is good: see Reload
	handler, done, err := u.openLog(s.folders.State)
	if err != nil {
		return err
	}
	defer done()
	d.Log = slog.New(handler)
	if err := daemon.NoDumps(); err != nil {
		d.Log.Warn("core dumps", "why", err.Error())
	}
	d.Tell = func(e daemon.Event) {
		if !e.Progress {
			d.Log.Info(e.Verb, "profiles", joinNames(e.Profiles), "key", shortID(e.Key), "text", e.Text)
		}
	}
	if err := u.noteEndpoints(ctx, s, nil); err != nil {
		d.Log.Warn("files", "why", err.Error()) // they may come
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // never comes on Windows
	defer signal.Stop(hangup)
	err = daemon.Run(ctx, d, daemon.Around{
		Reload:     s.settingsFile().Load,
		Changed:    daemon.Watch(ctx, []string{s.store.Paths.Credentials, s.store.Paths.Config, s.folders.Settings}),
		Hangup:     hangup,
		Supervisor: u.findSupervisor(),
		Release:    buildVersion(),
	})
	if err == nil {
		d.Log.Info("ended", "why", context.Cause(ctx).Error())
	}
	return err
}

// findSupervisor is systemd, if it started this process.
func (u *ui) findSupervisor() daemon.Supervisor {
	if u.goos != "linux" {
		return daemon.Supervisor{}
	}
	return daemon.FindSupervisor(u.getenv, os.Getpid())
}

// openLog is where the daemon logs to: the journal when standard error is
// it; else standard error, and where there is no journal a file.
func (u *ui) openLog(state string) (h slog.Handler, done func(), err error) {
	if u.goos == "linux" {
		if isJournal(u.err, u.getenv("JOURNAL_STREAM")) {
			return daemon.JournalLog(u.err), func() {}, nil
		}
		return slog.NewTextHandler(u.err, nil), func() {}, nil
	}
	file, err := daemon.OpenLog(state)
	if err != nil {
		return nil, nil, err
	}
	h = slog.NewTextHandler(file, nil)
	if u.startedByLaunchd() {
		return h, func() { _ = file.Close() }, nil
	}
	return slog.NewMultiHandler(h, slog.NewTextHandler(u.err, nil)), func() { _ = file.Close() }, nil
}

// startedByLaunchd reports whether launchd started this process: standard error is
// then a file that nobody cuts. It holds what a crash prints, and no more.
func (u *ui) startedByLaunchd() bool { return u.getenv("XPC_SERVICE_NAME") == launchdLabel }

// launchdLabel is the name of the service on macOS.
const launchdLabel = "local.keyd-aws"
