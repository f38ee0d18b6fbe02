package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"keyd/daemon/journal"
)

// ownPatterns match the names of everything that keyd creates in its state folder.
// Other files may be there too: KEYD_STATE_DIR may name a folder that is not keyd's
// alone.
var ownPatterns = [...]string{
	statusName, fleetName, memoryName, historyName, daemonInfoName, workName, settingsCopyName, managedCopyName, journalsName, installationName, ownerName,
	"*.lock",
	"*.log", "*.log.*", // with the older files of the log, and launchd's
	"*.keyd-*", // temporary files of a process that was killed
	"task.xml", // the logon task on Windows
	"locks",    // of an older keyd
}

func isOwnFile(name string) bool {
	return slices.ContainsFunc(ownPatterns[:], func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}

// Remains lists the paths that Remove left in place.
type Remains struct {
	Damaged []string // damaged journals, which may hold the only copy of a secret
	Foreign []string // files that do not belong to keyd
}

// Remove removes keyd.ini, keyd's own files in the state folder, and both folders if
// nothing else is in them. The caller makes sure that no daemon runs and that no
// rotation is in progress: Remove deletes the journals, and only they hold both keys.
func (f Folders) Remove() (Remains, error) {
	var left Remains
	var err error
	if left.Damaged, err = removeJournals(JournalsPath(f.StateDir)); err != nil {
		return left, err
	}
	if err := removeOwnFiles(f.StateDir); err != nil {
		return left, err
	}
	if err := os.Remove(f.SettingsFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return left, err
	}
	folders := []string{f.StateDir}
	if dir := filepath.Dir(f.SettingsFile); dir != f.StateDir && filepath.Base(dir) == folderName { // KEYD_SETTINGS may name a file in a folder that is not keyd's
		folders = append(folders, dir)
	}
	slices.Sort(folders)
	for _, dir := range folders {
		foreign, err := removeFolder(dir)
		if err != nil {
			return left, err
		}
		left.Foreign = append(left.Foreign, foreign...)
	}
	return left, nil
}

// removeJournals empties the folder of the journals, except for damaged journals that
// were set aside, and returns the paths of those. Only a person can tell whether they
// are still needed.
func removeJournals(dir string) (damaged []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if journal.IsSetAside(e.Name()) {
			damaged = append(damaged, path)
		} else if err := os.RemoveAll(path); err != nil {
			return nil, err
		}
	}
	return damaged, nil
}

// removeOwnFiles removes keyd's files from the state folder. It keeps the folder of the
// journals if something is left in it.
func removeOwnFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !isOwnFile(e.Name()) {
			continue
		}
		remove := os.RemoveAll
		if e.Name() == journalsName {
			remove = removeIfEmpty
		}
		if err := remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeIfEmpty removes a folder unless something is in it.
func removeIfEmpty(dir string) error {
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return err
	}
	return os.Remove(dir)
}

// removeFolder removes a folder if it is empty, and otherwise returns the paths in it
// that do not belong to keyd.
func removeFolder(dir string) (foreign []string, err error) {
	if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !isOwnFile(e.Name()) {
			foreign = append(foreign, filepath.Join(dir, e.Name()))
		}
	}
	return foreign, nil
}
