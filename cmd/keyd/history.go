package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon"
)

const historyLong = `Print what keyd did to which key, when, and by which process: oldest first.

--json prints one object: version (1), damaged (how many lines could not be
read) and entries, each with time, process, pid, profiles, did, key, user,
account and text. Times are RFC 3339, key ids whole.`

// historyJSON is what keyd history --json prints.
type historyJSON struct {
	Version int            `json:"version"` // 1
	Damaged int            `json:"damaged"` // lines that could not be read
	Entries []daemon.Entry `json:"entries"`
}

func newHistoryCommand(u *ui) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "print what was done, when, by which process",
		Long:  historyLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(*cobra.Command, []string) error { return u.showHistory(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (u *ui) showHistory(asJSON bool) error {
	s, err := u.findLocations()
	if err != nil {
		return err
	}
	entries, damaged, err := daemon.History{Path: filepath.Join(s.folders.State, "history.jsonl")}.Read()
	if err != nil {
		return err
	}
	if asJSON {
		if entries == nil {
			entries = []daemon.Entry{}
		}
		data, err := json.MarshalIndent(historyJSON{1, damaged, entries}, "", "\t")
		if err != nil {
			return err
		}
		u.print(string(data) + "\n")
		return nil
	}
	var b strings.Builder
	process, profiles, did := 0, 0, 0
	for _, e := range entries {
		process, profiles, did = max(process, countColumns(e.Process)), max(profiles, countColumns(joinNames(e.Profiles))), max(did, countColumns(e.Did))
	}
	for _, e := range entries {
		line := fmt.Sprintf("%s  %s  %s  %s  %s  %s", e.Time.Local().Format("2006-01-02 15:04:05"), padRight(e.Process, process),
			padRight(joinNames(e.Profiles), profiles), padRight(e.Did, did), shortID(e.Key), u.shortenHome(stripPackages(e.Text)))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if len(entries) == 0 {
		b.WriteString("nothing has been done yet\n")
	}
	u.print(b.String())
	if damaged > 0 {
		u.printNote("%d damaged lines in the history were passed over", damaged)
	}
	return nil
}
