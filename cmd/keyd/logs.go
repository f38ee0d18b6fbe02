package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon/state"
)

const logsLong = `Show what the daemon has logged. On Linux the log is in the journal. On macOS
and Windows it is keyd.log and the two files before it, in the state folder. On
Linux a keyd run that was started by hand logs to its own terminal instead.`

const logsExample = `  keyd logs -f   the last lines, and then each new one`

// systemdUnit is the name of the service under systemd.
const systemdUnit = "keyd-aws.service"

func newLogsCommand(a *app) *cobra.Command {
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:     "logs",
		Short:   "show what the daemon has logged",
		Long:    logsLong,
		Example: logsExample,
		Args:    limitArgs(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case lines < 1:
				return usageError("keyd logs -n 100", "logs: -n takes a number above 0")
			case a.goos == "linux":
				return a.showJournal(cmd.Context(), lines, follow)
			}
			return a.showLogFiles(cmd.Context(), lines, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep showing new lines until Ctrl-C")
	cmd.Flags().IntVarP(&lines, "lines", "n", 200, "show this many of the latest lines")
	return cmd
}

// showJournal lets journalctl print the log.
func (a *app) showJournal(ctx context.Context, lines int, follow bool) error {
	args := []string{"--user", "--unit=" + systemdUnit, "--no-pager", "--lines=" + strconv.Itoa(lines)}
	if follow {
		args = append(args, "--follow")
	}
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.Stdout, cmd.Stderr = a.out, a.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return endOfFollowing(ctx)
	case err != nil && a.term.isGone(): // as with | head
		return exitError(exitSignal + int(syscall.SIGPIPE))
	case errors.Is(err, exec.ErrNotFound):
		return hintedError("keyd run", "journalctl was not found: this machine does not run systemd, or you cannot use it")
	case err != nil:
		return fmt.Errorf("journalctl: %w", err)
	}
	return nil
}

// showLogFiles prints the last lines of the log files.
func (a *app) showLogFiles(ctx context.Context, lines int, follow bool) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	paths := state.LogPaths(loc.folders.StateDir)
	if len(paths) == 0 && !follow {
		return hintedError("keyd install", "nothing has been logged: %s does not exist", state.LogPath(loc.folders.StateDir))
	}
	var text []byte
	size := int64(0) // of the current file, in bytes
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text, size = append(text, data...), int64(len(data))
	}
	a.term.print(string(lastLines(text, lines)))
	if follow {
		a.followFile(ctx, state.LogPath(loc.folders.StateDir), size)
		return endOfFollowing(ctx)
	}
	return nil
}

// lastLines returns the last n lines of text, or all of it if it has fewer.
func lastLines(text []byte, n int) []byte {
	for i := len(text) - 2; i >= 0; i-- {
		if text[i] != '\n' {
			continue
		}
		if n--; n == 0 {
			return text[i+1:]
		}
	}
	return text
}

// followFile prints what is appended to a file after offset, until ctx ends or nobody reads
// it any more. A
// full file is renamed and a new one takes its name: followFile then prints the
// rest of the full file first.
func (a *app) followFile(ctx context.Context, path string, offset int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runEvery(ctx, 300*time.Millisecond, func() {
		if a.term.isGone() {
			cancel()
			return
		}
		if info, err := os.Stat(path); err != nil {
			return
		} else if info.Size() < offset {
			a.printFrom(path+".1", offset)
			offset = 0
		}
		offset += a.printFrom(path, offset)
	})
}

// printFrom prints a file from offset on, and returns the number of bytes. It
// opens the file on each call, because another file may have taken its name.
func (a *app) printFrom(path string, offset int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return 0
	}
	text, _ := io.ReadAll(file)
	if len(text) > 0 {
		a.term.print(string(text))
	}
	return int64(len(text))
}
