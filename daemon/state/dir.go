package state

import (
	"errors"
	"path/filepath"
)

// folderName is not plain "keyd", because a keyboard remapper uses that name, and
// ~/.config/keyd, on many Linux machines.
const folderName = "keyd-aws"

// Folders are the places of keyd's own files.
type Folders struct {
	SettingsFile string // the file keyd.ini
	StateDir     string // the folder of status.json, history.jsonl, rotations/ and the locks
}

// FindFolders returns the places for this user on the operating system goos.
// KEYD_SETTINGS and KEYD_STATE_DIR override them. FindFolders creates nothing. Its
// error names the variables to set when no home folder is known.
func FindFolders(getenv func(string) string, goos string) (Folders, error) {
	config, state := baseFolders(getenv, goos)
	f := Folders{SettingsFile: getenv("KEYD_SETTINGS"), StateDir: getenv("KEYD_STATE_DIR")}
	if f.SettingsFile == "" && config != "" {
		f.SettingsFile = filepath.Join(config, folderName, "keyd.ini")
	}
	if f.StateDir == "" && state != "" {
		f.StateDir = filepath.Join(state, folderName)
	}
	if f.SettingsFile == "" || f.StateDir == "" {
		return f, errors.New("daemon: no home folder is known: set HOME, or KEYD_SETTINGS and KEYD_STATE_DIR")
	}
	return f, nil
}

// baseFolders returns the folders for the settings and the state of all programs; ""
// when unknown.
func baseFolders(getenv func(string) string, goos string) (config, state string) {
	home := getenv("HOME")
	under := func(variable string, rest ...string) string {
		if v := getenv(variable); filepath.IsAbs(v) {
			return v
		}
		if home == "" {
			return ""
		}
		return filepath.Join(append([]string{home}, rest...)...)
	}
	switch goos {
	case "windows":
		return getenv("APPDATA"), getenv("LOCALAPPDATA")
	case "darwin":
		support := under("", "Library", "Application Support")
		return support, support
	}
	return under("XDG_CONFIG_HOME", ".config"), under("XDG_STATE_HOME", ".local", "state")
}
