// Package state reads and writes the state folder, except for the journals. The commands
// and the daemon exchange everything through its files. There is no socket.
//
//	status.json     status.go        what the last pass found, for keyd status
//	fleet.json      dir.go           the whole machine in one object without ids; package fleet writes it
//	memory.json     status.go        what AWS said of each key, by endpoint; read by passes only
//	history.jsonl   history.go       what keyd did, and AWS's receipts; chain.go has its hashes
//	daemon.json     daemoninfo.go    what the daemon reports about itself
//	keyd.log        log.go           the log, on systems without a journal
//	pass.lock       lock.go          held during a round or a command; proven to exclude first
//	pass.owner      owner.go         who holds pass.lock, where other machines see the folder
//	daemon.lock     lock.go          held while a daemon runs
//	command.json    atwork.go        which command of a person is at work, for people
//	command.lock    atwork.go        held while it is
//	installation    installation.go  the random part of the installation id
//	settings.good   dir.go           the last good keyd.ini; package settings writes it
//	managed.good    dir.go           the last good managed settings; package settings writes it
//	rotations/      dir.go           the journals; package journal writes them
//
// about.go is what entries of the history and events have in common.
// dir.go has the name of every file, folder.go refuses a folder that other users own or
// may write, and remove.go decides which files are keyd's own. programs_*.go finds the folder
// of Windows for all users. description.go is the text
// that AWS shows for a key. machine_*.go and boot_*.go read the ids of the machine and of
// its last start.
//
// status.json, memory.json and daemon.json may be lost without harm: the next pass finds
// everything in them again. All of them hold full key ids; only the journals hold secrets.
package state

import (
	"cmp"
	"errors"
	"path/filepath"
)

// folderName is not plain "keyd", because a keyboard remapper uses that name, and
// ~/.config/keyd, on many Linux machines.
const folderName = "keyd-aws"

// The names in the state folder. Files on disk depend on them.
const (
	statusName       = "status.json"
	fleetName        = "fleet.json"
	memoryName       = "memory.json"
	historyName      = "history.jsonl"
	workName         = "command.json"
	workLockName     = "command.lock"
	daemonInfoName   = "daemon.json"
	settingsCopyName = "settings.good"
	managedCopyName  = "managed.good"
	logName          = "keyd.log"
	journalsName     = "rotations"
	passLockName     = "pass.lock"
	daemonLockName   = "daemon.lock"
	installationName = "installation"
	ownerName        = "pass.owner"
)

// StatusPath returns the path of status.json.
func StatusPath(stateDir string) string { return filepath.Join(stateDir, statusName) }

// FleetPath returns the path of fleet.json.
func FleetPath(stateDir string) string { return filepath.Join(stateDir, fleetName) }

// MemoryPath returns the path of memory.json.
func MemoryPath(stateDir string) string { return filepath.Join(stateDir, memoryName) }

// WorkPath returns the path of command.json.
func WorkPath(stateDir string) string { return filepath.Join(stateDir, workName) }

// WorkLockPath returns the path of command.lock.
func WorkLockPath(stateDir string) string { return filepath.Join(stateDir, workLockName) }

// HistoryPath returns the path of history.jsonl.
func HistoryPath(stateDir string) string { return filepath.Join(stateDir, historyName) }

// DaemonInfoPath returns the path of daemon.json.
func DaemonInfoPath(stateDir string) string { return filepath.Join(stateDir, daemonInfoName) }

// SettingsCopyPath returns the path of the copy of the last good keyd.ini.
func SettingsCopyPath(stateDir string) string { return filepath.Join(stateDir, settingsCopyName) }

// ManagedCopyPath returns the path of the copy of the last good managed settings.
func ManagedCopyPath(stateDir string) string { return filepath.Join(stateDir, managedCopyName) }

// LogPath returns the path of the daemon's log on systems without a journal.
func LogPath(stateDir string) string { return filepath.Join(stateDir, logName) }

// JournalsPath returns the path of the folder with the journals of all rotations.
func JournalsPath(stateDir string) string { return filepath.Join(stateDir, journalsName) }

// PassLockPath returns the path of the lock that a pass holds.
func PassLockPath(stateDir string) string { return filepath.Join(stateDir, passLockName) }

// DaemonLockPath returns the path of the lock that a daemon holds while it runs.
func DaemonLockPath(stateDir string) string { return filepath.Join(stateDir, daemonLockName) }

// InstallationPath returns the path of the file with the random part of the
// installation id.
func InstallationPath(stateDir string) string { return filepath.Join(stateDir, installationName) }

// ownerPath returns the path of the record of who holds the pass lock.
func ownerPath(stateDir string) string { return filepath.Join(stateDir, ownerName) }

// Folders are the places of keyd's own files.
type Folders struct {
	SettingsFile string // the file keyd.ini
	StateDir     string // the folder of status.json, history.jsonl, rotations/ and the locks
}

// ManagedPath returns where an administrator puts settings for every user of the machine, on
// the operating system goos. root is the folder of the machine's own files, "" for that of
// this machine. No variable of the environment overrides it: a user sets those. ManagedPath
// returns "" if Windows does not say where its folder for programs is.
func ManagedPath(root, goos string) string {
	switch goos {
	case "windows":
		dir := programData()
		if root != "" {
			dir = filepath.Join(root, "ProgramData")
		}
		if dir == "" {
			return ""
		}
		return filepath.Join(dir, folderName, "keyd.ini")
	case "darwin":
		return filepath.Join(cmp.Or(root, "/"), "Library", "Application Support", folderName, "keyd.ini")
	}
	return filepath.Join(cmp.Or(root, "/"), "etc", folderName, "keyd.ini")
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
