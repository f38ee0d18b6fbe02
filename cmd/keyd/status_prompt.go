package main

import (
	"slices"
	"strconv"

	"keyd/daemon/state"
)

// showPrompt prints a few letters for a shell prompt or a status bar, or nothing while all is
// well. It reads what the last pass found and nothing else, because a shell waits for it. Its
// exit code is 0 also when a key needs a person: starship drops the output of a command that
// fails, and a prompt must not change what $? is used for.
func (a *app) showPrompt(names []string) error {
	folders, err := state.FindFolders(a.getenv, a.goos)
	if err != nil {
		return err
	}
	status, err := state.LoadStatus(folders.StateDir)
	text := ""
	if err != nil {
		text = "keyd:?" // the state cannot be read, or trusted: keyd status says why
	} else if n := countNeedy(status.Keys, names); n > 0 {
		text = "keyd:" + strconv.Itoa(n)
	}
	if text != "" {
		a.term.print(a.term.red(text) + "\n")
	}
	return nil
}

// countNeedy returns how many of the keys of the named profiles, or of all, need a person.
func countNeedy(keys []state.KeyStatus, names []string) (n int) {
	for _, l := range keys {
		named := len(names) == 0 || slices.ContainsFunc(l.Profiles, func(p string) bool { return slices.Contains(names, p) })
		if l.NeedsPerson && named {
			n++
		}
	}
	return n
}
