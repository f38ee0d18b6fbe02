package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"keyd/credfile/atomicfile"
	"keyd/daemon/state"
)

// JSON returns the record as one line.
func (r Record) JSON() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("fleet: the record: %w", err)
	}
	return append(data, '\n'), nil
}

// Save writes fleet.json in one step, with mode 0600: the agents that read it are root.
func (r Record) Save(sys atomicfile.Sys, stateDir string) error {
	data, err := r.JSON()
	if err == nil {
		err = atomicfile.Write(sys, state.FleetPath(stateDir), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("fleet: fleet.json: %w", err)
	}
	return nil
}

// Remove removes fleet.json, so that no agent reads an old one after the setting was taken
// back. It is not an error if the file does not exist.
func Remove(sys atomicfile.Sys, stateDir string) error {
	if _, err := sys.Lstat(state.FleetPath(stateDir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := sys.Remove(state.FleetPath(stateDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fleet: fleet.json: %w", err)
	}
	return nil
}
