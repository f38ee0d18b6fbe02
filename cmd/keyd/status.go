package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"keyd/daemon/state"
)

const statusLong = `Show the state of every profile's key, from the files and from what the last
pass found. No call to AWS is made, and nothing is changed. Exit code 3 means
that a key, the state folder, or a keyd.ini that stops everything needs a person.

--json prints one object with version (1), now, daemon_running, looked (when
the last pass ended), by and pid (the command and the process that ran it),
daemon (only while one is running: pid, since, program, release, next, notes),
files, settings (the settings in force, as keyd.ini writes them; absent while
none are known), settings_error, lock_error (why locks cannot be trusted in the
state folder; nothing is rotated then), notes, warnings and keys.

Each key has profiles, key, created, state, next, why, run, needs_person,
in_rotation, swapped, links (the linked files that show it, or that may hold it),
seen (what AWS said) and trouble (the last failure). A profile whose programs get
the key of another one from keyd credentials has asks; after a swap its next is
when all of them that run have the new key. The state is
new, ok, due, rotating, overlap, quarantine, hold, waiting, blocked or skipped.
A rotation in progress is listed even if the files no longer show its keys.

Times are RFC 3339; key ids are complete. Secrets are never shown.`

const statusExample = `  keyd status                  every key, in a table
  keyd status --watch work     one profile, kept up to date
  keyd status --json           for programs; exit code 3 when a key needs a person`

func newStatusCommand(a *app) *cobra.Command {
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:               "status [PROFILE...]",
		Short:             "show the state of every key, without asking AWS",
		Long:              statusLong,
		Example:           statusExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case watch && asJSON:
				return usageError("keyd status --json", "--watch and --json exclude each other")
			case watch && !a.term.hasScreen():
				return usageError("keyd status --json", "--watch needs a terminal")
			case watch:
				return a.watchStatus(cmd.Context(), args)
			}
			return a.showStatus(cmd.Context(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "update the table every second, until Ctrl-C")
	return cmd
}

func (a *app) showStatus(ctx context.Context, names []string, asJSON bool) error {
	load, format := state.LoadStatus, a.term.statusTable
	if asJSON {
		load, format = state.LoadStatusAndMemory, formatJSON
	}
	r, err := a.buildReport(ctx, names, load)
	if err != nil {
		return err
	}
	a.term.print(format(r))
	if r.Locks != "" || r.Settings != "" && r.settings.Unknown || slices.ContainsFunc(r.Keys, func(l state.KeyStatus) bool { return l.NeedsPerson }) {
		return exitError(exitPerson)
	}
	return nil
}

// formatJSON renders a report as JSON, including the settings in force and what keyd
// remembers of each key.
func formatJSON(r *report) string {
	type key struct {
		state.KeyStatus
		state.Memory
	}
	whole := struct {
		*report
		InForce map[string]any `json:"settings,omitzero"`
		Keys    []key          `json:"keys"`
	}{report: r, InForce: r.settings.Texts(), Keys: []key{}}
	for _, l := range r.Keys {
		whole.Keys = append(whole.Keys, key{l, l.Memory})
	}
	data, err := json.MarshalIndent(whole, "", "\t")
	if err != nil {
		return err.Error() // only for a type that cannot be marshalled, so never
	}
	return string(data) + "\n"
}

// watchStatus redraws the table until Ctrl-C, which is the normal way to end it.
func (a *app) watchStatus(ctx context.Context, names []string) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	a.term.clearScreen()
	runEvery(ctx, time.Second, func() {
		a.term.measureWidth()
		r, err := a.buildReport(ctx, names, state.LoadStatus)
		if err != nil {
			a.term.redrawScreen(fmt.Sprintf("keyd: error: %s\n", a.term.shortenHome(stripPackages(err.Error()))))
			return
		}
		a.term.redrawScreen(a.term.statusTable(r))
	})
	return nil
}
