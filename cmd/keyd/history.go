package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon/state"
)

const historyLong = `Print what keyd did to which key, when, and in which process, oldest first.

--json prints one object: version (1), damaged (the number of lines that could
not be read) and entries. Each entry has time, process, pid, profiles, did,
key, user, account, text, installation (which keyd did it) and calls: for each
call that changed something at AWS its name, AWS's request_id and date, region,
endpoint, key, signed_by, outcome (done, or unknown when the answer was lost)
and code (of an error). CloudTrail has the same request ids. Times are RFC 3339;
key ids are complete.`

const historyExample = `  keyd history
  keyd history --json | jq '.entries[] | select(.did == "deleted")'`

// historyJSON is what keyd history --json prints.
type historyJSON struct {
	Version int                  `json:"version"` // 1
	Damaged int                  `json:"damaged"` // lines that could not be read
	Entries []state.HistoryEntry `json:"entries"`
}

func newHistoryCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "history",
		Short:   "print what was done, when, by which process",
		Long:    historyLong,
		Example: historyExample,
		Args:    limitArgs(0, 0, ""),
		RunE:    func(*cobra.Command, []string) error { return a.showHistory(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) showHistory(asJSON bool) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	entries, damaged, err := state.History{Path: state.HistoryPath(loc.folders.StateDir)}.Read()
	if err != nil {
		return err
	}
	if asJSON {
		if entries == nil {
			entries = []state.HistoryEntry{}
		}
		data, err := json.MarshalIndent(historyJSON{1, damaged, entries}, "", "\t")
		if err != nil {
			return err
		}
		a.term.print(string(data) + "\n")
		return nil
	}
	a.term.print(a.term.historyTable(entries))
	if damaged > 0 {
		a.term.printNote("%d damaged lines in the history were skipped", damaged)
	}
	return nil
}

// historyTable renders the history for people.
func (t *terminal) historyTable(entries []state.HistoryEntry) string {
	if len(entries) == 0 {
		return "nothing has been done yet\n"
	}
	process, profiles, did := 0, 0, 0
	for _, e := range entries {
		process, profiles, did = max(process, countColumns(e.Process)), max(profiles, countColumns(joinNames(e.Profiles))), max(did, countColumns(e.Verb))
	}
	var b strings.Builder
	for _, e := range entries {
		line := fmt.Sprintf("%s  %s  %s  %s  %s  %s", e.Time.Local().Format("2006-01-02 15:04:05"), padRight(e.Process, process),
			padRight(joinNames(e.Profiles), profiles), padRight(e.Verb, did), shortID(e.KeyID), t.shortenHome(stripPackages(e.Text)))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
