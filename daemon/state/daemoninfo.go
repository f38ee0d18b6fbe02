package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// DaemonInfo is daemon.json: what the daemon reports about itself. It is separate from
// status.json because keyd rotate writes that file too. The file does not tell whether
// the daemon is running: see DaemonRunning.
type DaemonInfo struct {
	Version  int       `json:"version"` // 1
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Program  string    `json:"program,omitzero"` // absolute path of the executable
	Release  string    `json:"release,omitzero"` // version of the program
	NextPass time.Time `json:"next,omitzero"`    // latest time of the next pass
	Notes    []string  `json:"notes,omitzero"`   // problems that concern no single key
}

// DaemonInfoVersion is the version of daemon.json that this keyd writes.
const DaemonInfoVersion = 1

// maxNotes limits what a command that fails for weeks leaves in daemon.json.
const maxNotes = 5

// LoadDaemonInfo reads daemon.json. A daemon that was killed leaves the file behind, so
// call DaemonRunning first. LoadDaemonInfo returns nil when there is no usable file.
func LoadDaemonInfo(stateDir string) *DaemonInfo {
	var l DaemonInfo
	data, err := atomicfile.Tail(atomicfile.OS{}, DaemonInfoPath(stateDir), atomicfile.MaxSize)
	if err != nil || json.Unmarshal(data, &l) != nil || l.Version != DaemonInfoVersion {
		return nil
	}
	return &l
}

// Save writes daemon.json.
func (l DaemonInfo) Save(sys atomicfile.Sys, stateDir string) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	if err := atomicfile.Write(sys, DaemonInfoPath(stateDir), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	return nil
}

// AddNote adds a note for keyd status to show until the daemon ends. It keeps the last
// few different notes.
func (l *DaemonInfo) AddNote(text string) {
	if slices.Contains(l.Notes, text) {
		return
	}
	l.Notes = append(l.Notes, text)
	l.Notes = l.Notes[max(len(l.Notes)-maxNotes, 0):]
}

// Remove removes daemon.json. It is not an error if the file does not exist.
func (l DaemonInfo) Remove(sys atomicfile.Sys, stateDir string) error {
	if err := sys.Remove(DaemonInfoPath(stateDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	return nil
}
