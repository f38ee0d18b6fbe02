package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const statusLong = `Show how the key of every profile stands: from the files and from what the
last pass found out. Nothing is asked of AWS, and nothing is changed. Exit code
3 means that a key needs a person.

--json prints one object: version (1), now, daemon_running, looked (when a pass
last ended), by and pid (which command made it), daemon (pid, since, program,
release, next, notes; when one runs), files, settings_error, notes, warnings, and keys.
Each of the keys has profiles, key, created, state, next, why, run, needs_person,
in_rotation, seen (what AWS said) and trouble (what failed last). State is one of
new, ok, due, rotating, overlap, quarantine, hold, waiting, blocked, skipped. A
rotation that goes on has an entry also when the files no longer show its keys. Times are RFC 3339, key ids whole; secrets are never shown.`

func newStatusCommand(u *ui) *cobra.Command {
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:               "status [PROFILE...]",
		Short:             "show how every key stands; asks nothing of AWS",
		Long:              statusLong,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: u.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case watch && asJSON:
				return usage("keyd status --json", "--watch and --json exclude each other")
			case watch && !u.hasScreen():
				return usage("keyd status --json", "--watch needs a terminal")
			case watch:
				return u.watchStatus(cmd.Context(), args)
			}
			return u.showStatus(cmd.Context(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every second, until Ctrl-C")
	return cmd
}

func (u *ui) showStatus(ctx context.Context, names []string, asJSON bool) error {
	load, show := daemon.LoadStatus, u.statusTable
	if asJSON {
		load, show = daemon.Recall, formatJSON
	}
	r, err := u.buildReport(ctx, names, load)
	if err != nil {
		return err
	}
	u.print(show(r))
	if slices.ContainsFunc(r.Keys, func(l daemon.KeyLine) bool { return l.NeedsPerson }) {
		return exitError(exitPerson)
	}
	return nil
}

// formatJSON is a report as JSON, with what is remembered of each key.
func formatJSON(r *report) string {
	type key struct {
		daemon.KeyLine
		daemon.Memory
	}
	whole := struct {
		*report
		Keys []key `json:"keys"`
	}{report: r, Keys: []key{}}
	for _, l := range r.Keys {
		whole.Keys = append(whole.Keys, key{l, l.Memory})
	}
	data, err := json.MarshalIndent(whole, "", "\t")
	if err != nil {
		return err.Error() // of a type that cannot be marshalled: never
	}
	return string(data) + "\n"
}

// watchStatus redraws the table until Ctrl-C, which is the way to end it and no
// failure.
func (u *ui) watchStatus(ctx context.Context, names []string) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	u.clearScreen()
	runEvery(ctx, time.Second, func() {
		u.measureWidth()
		r, err := u.buildReport(ctx, names, daemon.LoadStatus)
		if err != nil {
			u.redrawScreen(fmt.Sprintf("keyd: error: %s\n", u.shortenHome(stripPackages(err.Error()))))
			return
		}
		u.redrawScreen(u.statusTable(r))
	})
	return nil
}
