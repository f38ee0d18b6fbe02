package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keyd/daemon"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
	"keyd/daemon/systemd"
	"keyd/daemon/watch"
)

const runLong = `Look at every key again and again and do what is due, until SIGTERM or Ctrl-C.
keyd looks at once on SIGHUP, when a file changes and when the machine wakes
from sleep, and otherwise every check_every.

Before it creates a key, and once a day while someone still uses an old one, it
searches the home folder and the environments of running programs for that key,
at the lowest priority and for a limited time. keyd status says what holds it.

It logs to standard error: under systemd, that is the journal. On macOS and
Windows it also logs to a file. keyd logs shows the log.

Exit code 4 means that another keyd run is at work on the same state folder.
The service does not start again after that, except on macOS and Windows, where
it looks again some minutes later.

keyd.ini is read again before every pass. A mistake in it is reported, and the
last good settings stay in force, even after a restart. If no good settings are
known, keyd starts nothing until the mistake is corrected; where managed settings
limit the age of keys, it replaces keys by those, and ends no old key.

notify = desktop shows a notification when a key needs a person and when a
rotation has ended; notify = none shows no notifications.

on_event = PROGRAM [ARG...] runs a program for every event, without a shell.
Blanks separate arguments, "..." and '...' keep blanks together, and no other
character is special. The event is one JSON object on standard input with
version (1), time, event (created, swapped, mended, validated, deactivated,
revived, deleted, gave up, hook ok, hook failed, "needs you", ...), profiles,
key, text, run (a command that helps) and needs_person. It never contains a secret. keyd kills
the program after 30 seconds. If the program fails, keyd logs what it wrote to
standard error; nothing else depends on it.`

const runExample = `  keyd run   until Ctrl-C`

func newRunCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "run",
		Short:   "rotate keys as they fall due, in the foreground",
		Long:    runLong,
		Example: runExample,
		Args:    limitArgs(0, 0, ""),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runDaemon(cmd.Context()) },
	}
}

const logonLong = `Do what keyd run does, with the environment variables given. keyd install
writes this command into the Windows logon task: such a task has no environment
of its own, and opens a console window for a program that uses the console.`

// newLogonCommand returns the hidden command that a Windows logon task starts.
func newLogonCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "logon [NAME=VALUE...]",
		Short:  "keyd run, as a Windows logon task starts it",
		Long:   logonLong,
		Hidden: true,
		Args:   limitArgs(0, -1, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				name, value, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return usageError("keyd run", "logon takes NAME=VALUE, not %q", arg)
				}
				if err := os.Setenv(name, value); err != nil {
					return err
				}
			}
			closeConsole()
			return a.runDaemon(cmd.Context())
		},
	}
}

func (a *app) runDaemon(ctx context.Context) error {
	loc, err := a.openToAct()
	if err != nil {
		return err
	}
	d := a.newDaemon(loc.settingsFile().Effective(), loc, "run") // Reload replaces these settings if keyd.ini is good
	d.Search = a.machine(loc).Search
	handler, closeLog, err := a.openLog(loc.folders.StateDir)
	if err != nil {
		return err
	}
	defer closeLog()
	d.Log = slog.New(handler)
	if err := preventDumps(); err != nil {
		d.Log.Warn("core dumps", "why", err.Error())
	}
	d.OnEvent = func(e rotate.Event) {
		if !e.Progress {
			d.Log.Info(e.Verb, "profiles", joinNames(e.Profiles), "key", shortID(e.KeyID), "text", e.Text)
		}
	}
	for _, text := range a.warnWriters(loc) {
		d.Log.Warn("files", "why", text)
	}
	if err := a.noteEndpoints(ctx, loc, nil); err != nil {
		d.Log.Warn("files", "why", err.Error()) // the files may appear later
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // Windows never sends it
	defer signal.Stop(hangup)
	err = daemon.Run(ctx, d, daemon.RunOptions{
		Reload:     loc.settingsFile().Load,
		Changed:    watch.Files(ctx, []string{loc.store.Paths.Credentials, loc.store.Paths.Config, loc.folders.SettingsFile, loc.managed}, loc.linkedPaths),
		Hangup:     hangup,
		Supervisor: a.findSupervisor(),
		Release:    buildVersion(),
		Rested:     debug.FreeOSMemory, // a pass needs a few times the size of the files, and the next one comes much later
		Name:       a.term.nameCommands,
	})
	if _, running := errors.AsType[daemon.AlreadyRunningError](err); running && a.startedByLaunchd() {
		return nil // launchd knows no exit code but 0 after which it does not start the service again at once
	}
	if err == nil {
		d.Log.Info("ended", "why", context.Cause(ctx).Error())
	}
	return err
}

// machine returns what the daemon searches for copies of a key.
func (a *app) machine(loc locations) rotate.Machine {
	own := []string{loc.store.Paths.Credentials, loc.store.Paths.Config, loc.folders.StateDir, loc.folders.SettingsFile}
	for _, path := range own {
		if real, err := filepath.EvalSymlinks(path); err == nil && real != path { // the search follows no links
			own = append(own, real)
		}
	}
	home := loc.home
	if home == "" && a.goos == "windows" {
		home = a.getenv("USERPROFILE")
	}
	config := a.getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = ""
	}
	return rotate.Machine{Home: home, Own: own, Config: config, System: "/", Proc: "/proc"}
}

// findSupervisor returns systemd if it started this process.
func (a *app) findSupervisor() systemd.Supervisor {
	if a.goos != "linux" {
		return systemd.Supervisor{}
	}
	return systemd.FindSupervisor(a.getenv, os.Getpid())
}

// openLog returns the handler of the daemon's log. On Linux the log goes to
// standard error, with journal priorities if that is the journal. Elsewhere it
// goes to a file in the state folder as well.
func (a *app) openLog(stateDir string) (h slog.Handler, closeLog func(), err error) {
	if a.goos == "linux" {
		if systemd.IsJournal(a.err, a.getenv("JOURNAL_STREAM")) {
			return systemd.NewLogHandler(a.err), func() {}, nil
		}
		return slog.NewTextHandler(a.err, nil), func() {}, nil
	}
	file, err := state.OpenLog(stateDir)
	if err != nil {
		return nil, nil, err
	}
	h = slog.NewTextHandler(file, nil)
	if a.startedByLaunchd() {
		return h, func() { _ = file.Close() }, nil
	}
	return slog.NewMultiHandler(h, slog.NewTextHandler(a.err, nil)), func() { _ = file.Close() }, nil
}

// startedByLaunchd reports whether launchd started this process as keyd's service.
// Standard error is then a file that nothing truncates, so the log stays out of
// it: it holds what a crash prints, and nothing else.
func (a *app) startedByLaunchd() bool { return a.getenv("XPC_SERVICE_NAME") == launchdLabel }

// launchdLabel is the name of the service on macOS.
const launchdLabel = "local.keyd-aws"
