package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile/atomicfile"
)

// Life is daemon.json: what the daemon says of itself. It is a file of its own
// because keyd rotate writes status.json too. Whether the daemon lives is not
// in it: see Lives.
type Life struct {
	Version int       `json:"version"` // 1
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Program string    `json:"program,omitzero"` // path of the executable
	Release string    `json:"release,omitzero"` // its version
	Next    time.Time `json:"next,omitzero"`    // when it looks again, at the latest
	Notes   []string  `json:"notes,omitzero"`   // what does not work as it should, beside the keys
}

const lifeVersion = 1

// mostNotes bounds what a command that fails for weeks leaves in the status.
const mostNotes = 5

func lifePath(state string) string { return filepath.Join(state, "daemon.json") }

// LoadLife reads what the daemon of this state folder says of itself, or said
// before it was killed: ask Lives first. Nil when it has not said anything.
func LoadLife(state string) *Life {
	var l Life
	data, err := os.ReadFile(lifePath(state))
	if err != nil || json.Unmarshal(data, &l) != nil || l.Version != lifeVersion {
		return nil
	}
	return &l
}

func (l Life) save(sys atomicfile.Sys, state string) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	if err := atomicfile.Write(sys, lifePath(state), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	return nil
}

// note adds what keyd status is to show until the daemon ends.
func (l *Life) note(text string) {
	if slices.Contains(l.Notes, text) {
		return
	}
	l.Notes = append(l.Notes, text)
	l.Notes = l.Notes[max(len(l.Notes)-mostNotes, 0):]
}

func (l Life) remove(sys atomicfile.Sys, state string) error {
	if err := sys.Remove(lifePath(state)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("daemon: its status: %w", err)
	}
	return nil
}
