package main

import (
	"context"
	_ "embed" // for the schema
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const statusLong = `Show the state of every profile's key, from the files and from what the last
pass found. No call to AWS is made, and nothing is changed. Exit code 3 means
that a key, the state folder, or a keyd.ini that stops everything needs a person.

The lines below the table say why keys need a person, and what helps. The last line but
one counts the keys. Behind an age, ! is for the last tenth before max_age, and !!
for a key that is past it. In a window the table has one line for each key, with
names cut in their middle; in a pipe or a file nothing is cut, and the whole reason
is in the line of the key. keyd explain PROFILE tells all about one key.

--format prompt prints nothing while all is well, and otherwise a few letters, such
as keyd:3 for three keys that need you. It reads one small file, so a shell can run
it for each prompt, and its exit code is 0 then:
  bash, zsh  PS1='$(keyd status --format prompt) '$PS1 (zsh: setopt promptsubst)
  starship   [custom.keyd]
             command = "keyd status --format prompt"
             when = true
  tmux       set -g status-right '#(keyd status --format prompt)'

--format fleet prints one flat JSON object without ids and names, for the tools of a
company: what fleet.json in the state folder has after each pass when fleet_file is
true in keyd.ini. --format prometheus prints metrics for the textfile collector of
node_exporter, with each key under a hash of its id. The exit code of both is 0.
install/fleet in the repository has the recipes and the JSON schema.

--json prints one object with version (1), now, daemon_running, looked (when
the last pass ended), by and pid (the command and the process that ran it),
daemon (only while one is running: pid, since, program, release, next, notes),
at_work (only while another command of a person is: pid, command, since, profiles),
files, settings (the settings in force, as keyd.ini writes them; absent while
none are known), settings_error, lock_error (why locks cannot be trusted in the
state folder; nothing is rotated then), notes, warnings and keys.

Each key has profiles, key, created, state, next, why, short (why in a few
words), run, needs_person, in_rotation, swapped, links (the linked files that show
it, or that may hold it), seen (what AWS said) and trouble (the last failure). A
profile whose programs get the key of another one from keyd credentials has asks;
after a swap its next is when all of them that run have the new key. The state is
new, ok, due, rotating, overlap, quarantine, hold, retiring, waiting, blocked or
skipped. A rotation in progress is listed even if the files no longer show its keys.
keyd status --schema prints the JSON schema of all this, which is
cmd/keyd/status.schema.json in the repository.

Times are RFC 3339; key ids are complete. Secrets are never shown.`

const statusExample = `  keyd status                  every key, in a table
  keyd status --needs-me       only the keys that need you; exit code 3 then
  keyd status --watch work     one profile, kept up to date
  keyd status --json           for programs; exit code 3 if a key needs you`

// statusSchema describes what --json prints.
//
//go:embed status.schema.json
var statusSchema string

// statusOptions are the flags of keyd status.
type statusOptions struct {
	json, watch, needsMe, schema bool
	format                       string
}

// statusFormats are the values of --format.
var statusFormats = []string{"table", "json", "prompt", "fleet", "prometheus"}

func newStatusCommand(a *app) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:               "status [PROFILE...]",
		Short:             "show the state of every key, without asking AWS",
		Long:              statusLong,
		Example:           statusExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.json && !cmd.Flags().Changed("format") {
				o.format = "json"
			}
			switch {
			case o.schema:
				a.term.print(statusSchema)
				return nil
			case !slices.Contains(statusFormats, o.format):
				return usageError(suggestNearest(o.format, slices.Clone(statusFormats), "keyd status --format prompt"), "--format must be %s, not %q", credfile.JoinChoices(statusFormats), o.format)
			case o.json && o.format != "json":
				return usageError("keyd status --json", "--json and --format %s exclude each other", o.format)
			case o.watch && o.format == "json":
				return usageError("keyd status --json", "--watch and --json exclude each other")
			case o.watch && o.format != "table":
				return usageError("keyd status --watch", "--watch and --format %s exclude each other", o.format)
			case o.format == "prompt":
				return a.showPrompt(args)
			case isFleet(o.format) && (len(args) > 0 || o.needsMe):
				return usageError("keyd status --format "+o.format, "--format %s is about all keys", o.format)
			case isFleet(o.format):
				return a.showFleet(o.format)
			case o.watch && a.term.hasScreen():
				return a.watchStatus(cmd.Context(), args, o)
			}
			return a.showStatus(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.BoolVarP(&o.watch, "watch", "w", false, "update the table every second, until Ctrl-C; without a terminal, print it once")
	flags.BoolVar(&o.needsMe, "needs-me", false, "show only the keys that need a person")
	flags.StringVar(&o.format, "format", "table", "`how` to print: table, json, prompt, fleet or prometheus")
	flags.BoolVar(&o.schema, "schema", false, "print the JSON schema of what --json prints")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(statusFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) showStatus(ctx context.Context, names []string, o statusOptions) error {
	load, format := state.LoadStatus, a.term.statusTable
	if o.format == "json" {
		load, format = state.LoadStatusAndMemory, formatJSON
	}
	r, err := a.buildReport(ctx, names, load)
	if err != nil {
		return err
	}
	if o.needsMe {
		r.keepNeedy()
	}
	r.told = r.mistake != nil && o.format == "table"
	a.term.printLayout(format(r))
	if r.told {
		a.term.printError(stripPackages(r.mistake.Error()), hint.Hint(r.mistake))
	}
	if r.mistake != nil {
		return exitError(exitSettings)
	}
	if r.needsPerson() {
		return exitError(exitPerson)
	}
	return nil
}

// needsPerson reports whether a key, the state folder or keyd.ini needs a person.
func (r *report) needsPerson() bool {
	return r.Locks != "" || r.Settings != "" && (r.settings.Unknown || r.settings.OwnUnknown) || slices.ContainsFunc(r.Keys, needsPerson)
}

func needsPerson(l state.KeyStatus) bool { return l.NeedsPerson }

// keepNeedy keeps only what needs a person.
func (r *report) keepNeedy() {
	r.needsMe = true
	for _, l := range r.Keys {
		if !l.NeedsPerson {
			r.others = append(r.others, l)
		}
	}
	r.Keys = slices.DeleteFunc(r.Keys, func(l state.KeyStatus) bool { return !l.NeedsPerson })
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
		InForce map[string]any    `json:"settings,omitzero"`
		From    map[string]any    `json:"settings_from,omitzero"`
		Managed *settings.Managed `json:"managed_settings,omitzero"`
		Keys    []key             `json:"keys"`
	}{report: r, InForce: r.settings.Texts(), From: r.settings.Origins(), Managed: r.settings.Managed, Keys: []key{}}
	for _, l := range r.Keys {
		whole.Keys = append(whole.Keys, key{l, l.Memory})
	}
	data, err := json.MarshalIndent(whole, "", "\t")
	if err != nil {
		return err.Error() // only for a type that cannot be marshalled, so never
	}
	return string(data) + "\n"
}
