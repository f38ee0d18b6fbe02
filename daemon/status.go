package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
)

// Status is status.json: how every key stood when a pass last ended. `keyd
// status --json` prints the same structure. Whole key ids, no secret.
type Status struct {
	Version  int       `json:"version"` // 1
	Written  time.Time `json:"written"`
	Process  string    `json:"process"` // "run", "rotate", ...
	PID      int       `json:"pid"`
	Settings string    `json:"settings_error,omitzero"` // a mistake in keyd.ini: the last good settings are in force
	Notes    []string  `json:"notes,omitzero"`          // a damaged journal, and the like
	Files    []string  `json:"files,omitzero"`          // that were read, by this process and others, and are still there
	Keys     []KeyLine `json:"keys"`
}

// KeyLine is one key, or one profile without a key.
type KeyLine struct {
	Profiles    []string  `json:"profiles"`
	Key         string    `json:"key,omitzero"`     // the id that the files show
	Created     time.Time `json:"created,omitzero"` // server time
	State       State     `json:"state"`
	Next        time.Time `json:"next,omitzero"`
	Why         string    `json:"why"`
	Run         string    `json:"run,omitzero"`
	NeedsPerson bool      `json:"needs_person"`
	InRotation  bool      `json:"in_rotation,omitzero"` // one goes on, also when the files no longer show its keys
	Warnings    []string  `json:"warnings,omitzero"`    // about the files, not about the key

	Memory `json:"-"`
}

// Memory is what the passes remember of a key. It stands in a file of its own,
// memory.json, that only they read: keyd status is quicker without it.
type Memory struct {
	Seen    *Seen    `json:"seen,omitzero"`
	Trouble *Trouble `json:"trouble,omitzero"`
}

const statusVersion = 1

func memoryPath(state string) string { return filepath.Join(state, "memory.json") }

func statusPath(state string) string { return filepath.Join(state, "status.json") }

// LoadStatus reads status.json. None, or a damaged one, is an empty Status:
// everything in it can be found out again.
func LoadStatus(state string) (Status, error) { return loadStatus(atomicfile.OS{}, state) }

func loadStatus(sys atomicfile.Sys, state string) (Status, error) {
	data, err := atomicfile.Tail(sys, statusPath(state), atomicfile.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{Version: statusVersion}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("daemon: the status: %w", err)
	}
	s := Status{Keys: make([]KeyLine, 0, bytes.Count(data, []byte(`"profiles"`)))}
	if json.Unmarshal(data, &s) != nil || s.Version != statusVersion {
		return Status{Version: statusVersion, Notes: []string{"status.json could not be read; it is written again by the next pass"}}, nil
	}
	return s, nil
}

// Recall is LoadStatus with what the passes remember of each key. Without that
// file everything is looked at again.
func Recall(state string) (Status, error) { return recall(atomicfile.OS{}, state) }

func recall(sys atomicfile.Sys, state string) (Status, error) {
	s, err := loadStatus(sys, state)
	if err != nil {
		return s, err
	}
	memories := map[string]Memory{}
	if data, err := atomicfile.Tail(sys, memoryPath(state), atomicfile.MaxSize); err == nil {
		_ = json.Unmarshal(data, &memories) // what could be read serves; it is a cache
	}
	for i := range s.Keys {
		s.Keys[i].Memory = memories[s.Keys[i].Key]
	}
	return s, nil
}

// line returns what is remembered of the key with this id, or nil.
func (s *Status) line(id string) *KeyLine {
	for i := range s.Keys {
		if s.Keys[i].Key == id && id != "" {
			return &s.Keys[i]
		}
	}
	return nil
}

// save writes status.json and memory.json. Not indented: keyd status reads the
// one in every shell prompt, and prints it for people.
func (s Status) save(sys atomicfile.Sys, state string) error {
	memories := map[string]Memory{}
	for _, l := range s.Keys {
		if l.Key != "" && l.Memory != (Memory{}) {
			memories[l.Key] = l.Memory
		}
	}
	if err := saveJSON(sys, memoryPath(state), memories); err != nil {
		return err
	}
	return saveJSON(sys, statusPath(state), s)
}

func saveJSON(sys atomicfile.Sys, path string, value any) error {
	data, err := json.Marshal(value)
	if err == nil {
		err = atomicfile.Write(sys, path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("daemon: the status: %w", err)
	}
	return nil
}

// name tells the lines of a status apart. Several profiles may have no key, and
// a key that a profile may not use has a line of its own beside the others'.
func (l *KeyLine) name() string { return l.Key + " " + strings.Join(l.Profiles, ", ") }

// lineOfUnit is how a unit stands after its last decision.
func lineOfUnit(u *unit, d Decision) KeyLine {
	l := KeyLine{
		Profiles: u.facts.Profiles, Key: u.facts.ID, State: d.State, Next: d.Until, Why: d.Why, Run: d.Run,
		NeedsPerson: d.Do == Blocked, Warnings: u.warnings, Memory: Memory{u.facts.Seen, u.facts.Trouble},
	}
	r := u.facts.Rotation
	if r == nil || len(r.Places) > 0 { // else its name is that of its key
		l.Run = about(l.Run, l.Profiles)
	}
	if l.InRotation = r != nil; r != nil && u.facts.Shows.New > 0 {
		l.Key, l.Created = r.New.ID, r.Created.Add(r.Offset) // until IAM has listed it
	}
	if l.Seen != nil {
		if k := l.Seen.Key(l.Key); k != nil {
			l.Created = k.Created
		}
	}
	return l
}
