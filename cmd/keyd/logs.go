package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const logsLong = `Show what the daemon logged: from the journal on Linux, from keyd.log and the
two files before it, in the state folder, on macOS and Windows. A keyd run that
was started by hand logs to its own terminal on Linux.`

// systemdUnit is the name of the service under systemd.
const systemdUnit = "keyd-aws.service"

func newLogsCommand(u *ui) *cobra.Command {
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "show what the daemon logged",
		Long:  logsLong,
		Args:  limitArgs(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case lines < 1:
				return usage("keyd logs -n 100", "logs: -n takes a number above 0")
			case u.goos == "linux":
				return u.showJournal(cmd.Context(), lines, follow)
			}
			return u.showLogFiles(cmd.Context(), lines, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on showing what comes, until Ctrl-C")
	cmd.Flags().IntVarP(&lines, "lines", "n", 200, "show so many lines of the past")
	return cmd
}

// showJournal leaves it to journalctl.
func (u *ui) showJournal(ctx context.Context, lines int, follow bool) error {
	args := []string{"--user", "--unit=" + systemdUnit, "--no-pager", "--lines=" + strconv.Itoa(lines)}
	if follow {
		args = append(args, "--follow")
	}
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.Stdout, cmd.Stderr = u.out, u.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	switch {
	case ctx.Err() != nil: // Ctrl-C is the way to end it
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return hinted("keyd run", "there is no journalctl here: systemd does not run this machine, or not for you")
	case err != nil:
		return fmt.Errorf("journalctl: %w", err)
	}
	return nil
}

// showLogFiles prints the end of the log files.
func (u *ui) showLogFiles(ctx context.Context, lines int, follow bool) error {
	s, err := u.findLocations()
	if err != nil {
		return err
	}
	paths := daemon.LogPaths(s.folders.State)
	if len(paths) == 0 && !follow {
		return hinted("keyd install", "nothing has been logged: there is no %s", daemon.LogPath(s.folders.State))
	}
	var text []byte
	shown := int64(0) // bytes of the present file
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text, shown = append(text, data...), int64(len(data))
	}
	u.print(string(lastLines(text, lines)))
	if follow {
		u.followFile(ctx, daemon.LogPath(s.folders.State), shown)
	}
	return nil
}

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

// followFile prints what is added to a file after offset. When the file is full
// another one takes its place, and the end of the old one comes first.
func (u *ui) followFile(ctx context.Context, path string, offset int64) {
	runEvery(ctx, 300*time.Millisecond, func() {
		if info, err := os.Stat(path); err != nil {
			return
		} else if info.Size() < offset {
			u.printFrom(path+".1", offset)
			offset = 0
		}
		offset += u.printFrom(path, offset)
	})
}

// printFrom prints a file from offset on, and returns how much it was. The file
// is opened anew each time, because its name is given to another one.
func (u *ui) printFrom(path string, offset int64) int64 {
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
		u.print(string(text))
	}
	return int64(len(text))
}

// hintedError is a failure and what helps.
type hintedError struct{ text, hint string }

func (e *hintedError) Error() string { return e.text }

// Hint is the command, or the question, that helps.
func (e *hintedError) Hint() string { return e.hint }

func hinted(hint, format string, args ...any) error {
	return &hintedError{fmt.Sprintf(format, args...), hint}
}
