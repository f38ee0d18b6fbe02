package daemon

import (
	"errors"
	"path/filepath"
)

// folderName is not plain "keyd": a keyboard remapper owns that name, and
// ~/.config/keyd, on many Linux machines.
const folderName = "keyd-aws"

// Folders is where keyd keeps what is its own.
type Folders struct {
	Settings string // the file keyd.ini
	State    string // status.json, history.jsonl, rotations/, locks
}

// FindFolders returns the places for this user. KEYD_SETTINGS and
// KEYD_STATE_DIR override them. It creates nothing. The error says which
// variable is missing.
func FindFolders(getenv func(string) string, goos string) (Folders, error) {
	config, state := bases(getenv, goos)
	f := Folders{Settings: getenv("KEYD_SETTINGS"), State: getenv("KEYD_STATE_DIR")}
	if f.Settings == "" && config != "" {
		f.Settings = filepath.Join(config, folderName, "keyd.ini")
	}
	if f.State == "" && state != "" {
		f.State = filepath.Join(state, folderName)
	}
	if f.Settings == "" || f.State == "" {
		return f, errors.New("daemon: no home folder is known: set HOME, or KEYD_SETTINGS and KEYD_STATE_DIR")
	}
	return f, nil
}

func bases(getenv func(string) string, goos string) (config, state string) {
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
