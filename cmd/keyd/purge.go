package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keyd/daemon"
)

// ownPatterns are what keyd makes in its state folder. KEYD_STATE_DIR may name a
// folder that holds other things too.
var ownPatterns = [...]string{"status.json", "daemon.json", "memory.json", "history.jsonl", "settings.good", "rotations", "locks", "*.lock", "*.log", "*.log.*", "*.keyd-*", "task.xml"}

// checkPurge refuses to forget a rotation in progress, and asks.
func (u *ui) checkPurge(ctx context.Context, s locations, yes bool) error {
	if err := s.requireNoRotation(ctx); err != nil {
		return err
	}
	return u.requireYes(ctx, yes, "remove "+u.shortenHome(s.folders.Settings)+" and "+u.shortenHome(s.folders.State)+", with the history?")
}

// goingOnError is a rotation that only the state folder knows of.
type goingOnError struct{ profiles []string }

func (e *goingOnError) Error() string {
	return "a rotation of " + joinNames(e.profiles) + " goes on, and the state holds its keys: nothing was removed"
}

// Hint ends it.
func (e *goingOnError) Hint() string {
	return daemon.Command("keyd rotate --retire-now", e.profiles[0])
}

// requireNoRotation refuses a state folder in which a rotation goes on or cannot be read.
func (s locations) requireNoRotation(ctx context.Context) error {
	rotations, problems := s.openJournal().Load(ctx)
	if len(problems) > 0 {
		return problems[0]
	}
	for _, r := range rotations {
		return &goingOnError{r.Profiles()}
	}
	return nil
}

// purgeState removes what is keyd's own and nothing else. It looks once more whether a
// rotation goes on: the daemon has run until a moment ago.
func (u *ui) purgeState(ctx context.Context, s locations) error {
	if daemon.Lives(s.folders.State) {
		return usage("end it, then: keyd uninstall --purge", "keyd run still runs here: settings and state were left")
	}
	if err := s.requireNoRotation(ctx); err != nil {
		return err
	}
	kept, err := removeJournals(filepath.Join(s.folders.State, "rotations"))
	if err != nil {
		return err
	}
	left, err := removeOwn(s)
	if err != nil {
		return err
	}
	for _, path := range kept {
		u.printNote("%s is a damaged journal, which may hold the only copy of a secret key: it was left", path)
	}
	for _, path := range left {
		u.printNote("%s is not keyd's and was left", path)
	}
	u.printf("removed: %s, %s\n", u.shortenHome(s.folders.Settings), u.shortenHome(s.folders.State))
	return nil
}

// removeJournals empties the folder of the journals, but for what was damaged
// and set aside: it may hold the only copy of a secret, and only a person can
// tell. It returns what was left.
func removeJournals(dir string) (kept []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.Contains(e.Name(), ".damaged") {
			kept = append(kept, path)
		} else if err := os.RemoveAll(path); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// removeOwn removes the settings file, keyd's files in the state folder, and the
// folders if nothing else is in them. It returns what was left in them.
func removeOwn(s locations) (left []string, err error) {
	entries, err := os.ReadDir(s.folders.State)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !isOwnFile(e.Name()) {
			continue
		}
		path, remove := filepath.Join(s.folders.State, e.Name()), os.RemoveAll
		if e.Name() == "rotations" {
			remove = removeIfEmpty
		}
		if err := remove(path); err != nil {
			return nil, err
		}
	}
	if err := os.Remove(s.folders.Settings); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	folders := []string{s.folders.State, filepath.Dir(s.folders.Settings)}
	slices.Sort(folders)
	for _, dir := range slices.Compact(folders) {
		if filepath.Base(dir) != "keyd-aws" && dir != s.folders.State {
			continue // KEYD_SETTINGS put the file into a folder of the person's
		}
		if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !isOwnFile(e.Name()) {
				left = append(left, filepath.Join(dir, e.Name()))
			}
		}
	}
	return left, nil
}

// removeIfEmpty removes a folder if nothing is left in it.
func removeIfEmpty(dir string) error {
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return err
	}
	return os.Remove(dir)
}

func isOwnFile(name string) bool {
	return slices.ContainsFunc(ownPatterns[:], func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}
