package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const historyLong = `Show what keyd did to which key, when, and who asked for it, oldest first: the
keys that it made, swapped, deactivated and deleted, and what people held, resumed,
pruned and retired. A name selects the entries about that profile, or about the
key with that id, whole or short. Times are local; the heading says which zone.

--json prints one object: version (1), damaged (the number of lines that could
not be read) and entries. Each entry has time, process, pid, profiles, did,
key, text, old_key and new_key (of the rotation), user, account, files, endpoint
(when it is not AWS's own), asked_by (daemon or person), command (what the person
ran), installation (which keyd did it) and calls: for each call that changed
something at AWS its name, AWS's request_id and date, region, endpoint, key,
signed_by, outcome (done, or unknown when the answer was lost), code (of an
error) and anchor (the hash of the history that AWS was given). CloudTrail has the
same request ids. policy has the settings in force, old_created when the old key
was made, and chain the hash of the line and of all above it; see keyd report
--verify. Times are RFC 3339; key ids are complete. Entries of an older keyd lack
some fields.`

const historyExample = `  keyd history
  keyd history work --since 90d
  keyd history --json | jq '.entries[] | select(.did == "deleted")'`

// historyJSON is what keyd history --json prints.
type historyJSON struct {
	Version int                  `json:"version"` // 1
	Damaged int                  `json:"damaged"` // lines that could not be read
	Entries []state.HistoryEntry `json:"entries"`
}

func newHistoryCommand(a *app) *cobra.Command {
	var asJSON bool
	var since string
	cmd := &cobra.Command{
		Use:               "history [PROFILE|KEY-ID...]",
		Short:             "show what was done, when, and who asked for it",
		Long:              historyLong,
		Example:           historyExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.showHistory(cmd.Context(), args, since, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&since, "since", "", "leave out what is older: a duration such as 30d, or a day such as 2026-11-25")
	return cmd
}

func (a *app) showHistory(ctx context.Context, names []string, since string, asJSON bool) error {
	from, err := a.parseSince(since, "keyd history --since 30d")
	if err != nil {
		return err
	}
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	all, damaged, err := state.History{Path: state.HistoryPath(loc.folders.StateDir)}.Read()
	if err != nil {
		return err
	}
	if err := a.checkInHistory(ctx, loc, all, names, "keyd history"); err != nil {
		return err
	}
	entries := []state.HistoryEntry{}
	for _, e := range all {
		if !e.Time.Before(from) && (len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return concerns(e, name) })) {
			entries = append(entries, e)
		}
	}
	if asJSON {
		return a.term.printJSON(historyJSON{1, damaged, entries})
	}
	switch {
	case len(entries) > 0:
		a.term.print(a.term.historyTable(entries))
	case len(all) > 0 && !from.IsZero():
		a.term.printf("nothing has been done since %s\n", from.Local().Format("2006-01-02 15:04"))
	case len(names) > 0:
		a.term.printf("nothing has been done to %s yet\n", joinNames(names))
	default:
		a.term.print("nothing has been done yet\n")
	}
	if damaged > 0 {
		a.term.printNote("left out of the history: %s", settings.FormatCount(damaged, "damaged line", "damaged lines"))
	}
	return nil
}

// parseSince returns the time that --since names; zero for none. example is a command with a
// valid --since.
func (a *app) parseSince(since, example string) (time.Time, error) {
	if since == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, since, time.Local); err == nil {
		return day, nil
	}
	if long, err := settings.ParseDuration(since); err == nil {
		return a.now().Add(-long), nil
	}
	return time.Time{}, usageError(example, "--since %s is neither a duration such as 30d nor a day such as 2026-11-25", since)
}

// concerns reports whether an entry is about the profile, or about the key with the id,
// whole or short.
func concerns(e state.HistoryEntry, name string) bool {
	return slices.Contains(e.Profiles, name) || slices.ContainsFunc([]string{e.KeyID, e.OldKey, e.NewKey}, func(id string) bool { return id != "" && (id == name || shortID(id) == name) })
}

// checkInHistory refuses a name that neither the history nor a file has. all is the command
// that shows everything.
func (a *app) checkInHistory(ctx context.Context, loc locations, all []state.HistoryEntry, names []string, everything string) error {
	var known []string
	if len(names) > 0 {
		if snapshot, err := loc.store.Read(ctx); err == nil {
			known = profileNames(snapshot.Profiles)
			for _, p := range snapshot.Profiles {
				known = append(known, p.Key.ID, shortID(p.Key.ID))
			}
		}
	}
	for _, name := range names {
		if slices.Contains(known, name) || slices.ContainsFunc(all, func(e state.HistoryEntry) bool { return concerns(e, name) }) {
			continue
		}
		for _, e := range all {
			known = append(known, e.Profiles...)
		}
		return usageError(suggestNearest(name, known, everything), "the history has no profile and no key %q", name)
	}
	return nil
}

// historyTable renders the history for people. In a window that is too narrow for a line of
// each entry, who did it and the details stand below it.
func (t *terminal) historyTable(entries []state.HistoryEntry) string {
	rows := [][]string{{"WHEN (" + entries[0].Time.Local().Format("MST") + ")", "BY", "PROFILES", "USER", "DID", "KEY", "DETAILS"}}
	for _, e := range entries {
		rows = append(rows, []string{e.Time.Local().Format("2006-01-02 15:04:05"), describeAsker(e), joinNames(e.Profiles), strings.TrimSpace(e.User + " " + e.Account), nameVerb(e.Verb), describeSubject(e), t.shortenHome(stripPackages(e.Text))})
	}
	rows = layout.DropColumns(rows, "") // an older keyd did not know them
	if !t.hasScreen() || layout.SumWidths(layout.MeasureCells(rows)) <= t.width {
		return layout.FormatColumns(rows)
	}
	rows = rows[:1]
	rows[0] = []string{rows[0][0], "DID", "KEY", "PROFILES"}
	var below []string
	for _, e := range entries {
		rows = append(rows, []string{e.Time.Local().Format("2006-01-02 15:04:05"), nameVerb(e.Verb), describeSubject(e), joinNames(e.Profiles)})
		text := describeAsker(e)
		if owner := strings.TrimSpace(e.User + " " + e.Account); owner != "" {
			text += ", " + owner
		}
		if e.Text != "" {
			text += ": " + t.shortenHome(stripPackages(e.Text))
		}
		below = append(below, text)
	}
	return layout.FormatStack(rows, below, t.width)
}

// describeAsker says who asked for what an entry tells, and which process did it when that
// is another one.
func describeAsker(e state.HistoryEntry) string {
	switch {
	case e.Process == "run" && e.AskedBy == state.ByPerson:
		return "keyd run for " + e.Command
	case e.Command != "":
		return e.Command
	}
	return "keyd " + e.Process
}

// describeSubject names the key of an entry, and the other key of its rotation.
func describeSubject(e state.HistoryEntry) string {
	switch {
	case e.OldKey == "" || e.NewKey == "":
		return shortID(e.KeyID)
	case e.KeyID == e.NewKey:
		return shortID(e.KeyID) + " for " + shortID(e.OldKey)
	case e.KeyID == e.OldKey:
		return shortID(e.KeyID) + ", now " + shortID(e.NewKey)
	}
	return shortID(e.KeyID)
}
