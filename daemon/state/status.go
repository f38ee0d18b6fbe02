package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
)

// Status is status.json: the condition of every key at the end of the last pass.
// "keyd status --json" prints the same structure. It contains full key ids and no
// secret.
type Status struct {
	Version     int         `json:"version"` // 1
	Written     time.Time   `json:"written"`
	Process     string      `json:"process"` // "run", "rotate", ...
	PID         int         `json:"pid"`
	SettingsErr string      `json:"settings_error,omitzero"` // a mistake in keyd.ini; keyd uses the last good settings
	Notes       []string    `json:"notes,omitzero"`          // problems that concern no single key, such as a damaged journal
	Files       []string    `json:"files,omitzero"`          // AWS files that this process and others have read and that may still exist
	Keys        []KeyStatus `json:"keys"`

	memories map[string]Memory   // of every key at every endpoint; see memoryKey
	standIns map[string][]string // the endpoints other than AWS's own in partition aws that have memories, by key id
}

// KeyStatus is the condition of one key, or of one profile without a key.
type KeyStatus struct {
	Profiles    []string     `json:"profiles"`
	KeyID       string       `json:"key,omitzero"`     // the id that the files show
	Created     time.Time    `json:"created,omitzero"` // server time
	State       decide.State `json:"state"`
	Until       time.Time    `json:"next,omitzero"` // when keyd looks again; zero when only a change helps
	Why         string       `json:"why"`
	Short       string       `json:"short,omitzero"` // Why for one cell of a table; "" when there is no shorter one
	Hint        string       `json:"run,omitzero"`   // a command or a question that helps
	NeedsPerson bool         `json:"needs_person"`
	InRotation  bool         `json:"in_rotation,omitzero"` // a rotation is in progress, even if the files no longer show its keys
	Warnings    []string     `json:"warnings,omitzero"`    // about the files, not about the key
	Endpoint    string       `json:"endpoint,omitzero"`    // who was asked: "" for AWS in partition aws; else another partition, or the URLs of custom endpoints

	Links   []string        `json:"links,omitzero"`   // the linked files that showed the key in the last pass, or that may still hold it
	Places  []journal.Place `json:"places,omitzero"`  // where the key at rest stands, if that is in more than one file, one of which may not be there now
	Swapped time.Time       `json:"swapped,omitzero"` // since when the files show the new key of the rotation in progress
	Asks    string          `json:"asks,omitzero"`    // the profile whose key programs get that use this one; "" for none

	OldKeyUse *decide.OldKeyUse `json:"old_key_use,omitzero"` // of the key that the rotation replaces; nil without one

	Hooks       []decide.HookReport `json:"hooks,omitzero"`  // of the rotation in progress, or of the last one
	FoundCopies *decide.Copies      `json:"copies,omitzero"` // where else the key stands, or the one that the rotation replaces; nil when it was not searched for

	Memory `json:"-"`
}

// IsCustomEndpoint reports whether an endpoint, as in KeyStatus.Endpoint, is not AWS's: only such
// an endpoint is named by its URL.
func IsCustomEndpoint(endpoint string) bool { return strings.Contains(endpoint, "://") }

// SetDecision fills in what was decided about the key.
func (l *KeyStatus) SetDecision(d decide.Decision) {
	l.State, l.Until, l.Why, l.Short, l.Hint, l.NeedsPerson = d.State, d.Until, d.Why, d.Short, d.Hint, d.NeedsPerson()
}

// Memory is what passes remember about a key, as one endpoint described it: what a
// stand-in of AWS says about a key never counts at AWS, and the other way round. It is
// stored separately, in memory.json, which only passes read: keyd status is faster
// without it.
type Memory struct {
	Seen    *decide.Seen    `json:"seen,omitzero"`
	Failure *decide.Failure `json:"trouble,omitzero"`
	KeyUse  *decide.KeyUse  `json:"use,omitzero"`
}

// at returns when the memory was last renewed.
func (m *Memory) at() (last time.Time) {
	if m.Seen != nil {
		last = m.Seen.At
	}
	if m.Failure != nil && m.Failure.At.After(last) {
		last = m.Failure.At
	}
	return last
}

// memoryKey returns the name of a memory in memory.json: the key id, and the endpoint
// after a space. An earlier keyd knows the key id alone.
func memoryKey(id, endpoint string) string { return strings.TrimSuffix(id+" "+endpoint, " ") }

// Recall returns what passes remember of the key id at an endpoint, in the words of
// KeyStatus.Endpoint.
func (s *Status) Recall(id, endpoint string) Memory { return s.memories[memoryKey(id, endpoint)] }

// RecallElsewhere returns what passes remember of the key id at other endpoints than
// this one, by endpoint.
func (s *Status) RecallElsewhere(id, endpoint string) map[string]Memory {
	others := map[string]Memory{}
	for _, at := range append(s.standIns[id], "") {
		if m, known := s.memories[memoryKey(id, at)]; known && at != endpoint {
			others[at] = m
		}
	}
	return others
}

// setMemories makes memories those of the status.
func (s *Status) setMemories(memories map[string]Memory) {
	s.memories, s.standIns = memories, map[string][]string{}
	for name := range memories {
		if id, at, _ := strings.Cut(name, " "); at != "" {
			s.standIns[id] = append(s.standIns[id], at)
		}
	}
}

// StatusVersion is the version of status.json that this keyd writes.
const StatusVersion = 1

// LoadStatus reads status.json. It returns an empty Status when the file is missing
// or damaged, because keyd can find out everything in it again.
func LoadStatus(stateDir string) (Status, error) { return loadStatusFrom(atomicfile.OS{}, stateDir) }

// loadStatusFrom is LoadStatus on any file system.
func loadStatusFrom(sys atomicfile.Sys, stateDir string) (Status, error) {
	data, err := atomicfile.Tail(sys, StatusPath(stateDir), atomicfile.MaxOwnSize)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{Version: StatusVersion}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("daemon: the status: %w", err)
	}
	s := Status{Keys: make([]KeyStatus, 0, bytes.Count(data, []byte(`"profiles"`)))}
	if json.Unmarshal(data, &s) != nil || s.Version != StatusVersion {
		return Status{Version: StatusVersion, Notes: []string{"status.json could not be read; the next pass writes it again"}}, nil
	}
	return s, nil
}

// LoadStatusAndMemory reads status.json and memory.json. When memory.json is missing
// or damaged, the next pass looks at those keys again.
func LoadStatusAndMemory(stateDir string) (Status, error) {
	return LoadStatusAndMemoryFrom(atomicfile.OS{}, stateDir)
}

// LoadStatusAndMemoryFrom is LoadStatusAndMemory on any file system.
func LoadStatusAndMemoryFrom(sys atomicfile.Sys, stateDir string) (Status, error) {
	s, err := loadStatusFrom(sys, stateDir)
	if err != nil {
		return s, err
	}
	data, err := readMemories(sys, stateDir)
	if err != nil {
		return Status{}, err
	}
	s.setMemories(decodeMemories(data))
	for i, l := range s.Keys {
		s.Keys[i].Memory = s.Recall(l.KeyID, l.Endpoint)
	}
	return s, nil
}

// readMemories returns the bytes of memory.json, nil if it cannot be read.
func readMemories(sys atomicfile.Sys, stateDir string) ([]byte, error) {
	data, err := atomicfile.Tail(sys, MemoryPath(stateDir), atomicfile.MaxOwnSize)
	if untrusted, ok := errors.AsType[*atomicfile.Untrusted](err); ok {
		return nil, wrapStatus(untrusted)
	}
	if err != nil {
		return nil, nil
	}
	return data, nil
}

// decodeMemories returns what memory.json says. It is a cache: keyd uses whatever part of
// it is readable.
func decodeMemories(data []byte) map[string]Memory {
	memories := map[string]Memory{}
	_ = json.Unmarshal(data, &memories)
	return memories
}

// FindKey returns the status of the key with this id, or nil.
func (s *Status) FindKey(id string) *KeyStatus {
	for i := range s.Keys {
		if s.Keys[i].KeyID == id && id != "" {
			return &s.Keys[i]
		}
	}
	return nil
}

// IndexKeys returns what FindKey returns, by key id.
func (s *Status) IndexKeys() map[string]*KeyStatus {
	lines := make(map[string]*KeyStatus, len(s.Keys))
	for i := range s.Keys {
		if l := &s.Keys[i]; l.KeyID != "" && lines[l.KeyID] == nil {
			lines[l.KeyID] = l
		}
	}
	return lines
}

// elsewhereLimit is how long the memory of another endpoint is kept: a stand-in may
// have another port each day.
const elsewhereLimit = 30 * 24 * time.Hour

// Save writes status.json and memory.json. What memory.json holds about the same keys
// at other endpoints stays. Save does not indent the files: keyd status may read
// status.json at every shell prompt, and formats it for people itself.
func (s Status) Save(sys atomicfile.Sys, stateDir string) error {
	if err := s.saveMemories(sys, stateDir); err != nil {
		return err
	}
	data, err := encodeLine(s)
	if err == nil {
		err = atomicfile.Write(sys, StatusPath(stateDir), data, 0o600)
	}
	return wrapStatus(err)
}

// saveMemories writes memory.json, unless it holds the same already.
func (s Status) saveMemories(sys atomicfile.Sys, stateDir string) error {
	onDisk, err := readMemories(sys, stateDir)
	if err != nil {
		return err
	}
	memories, endpoints := make(map[string]Memory, len(s.Keys)), make(map[string][]string, len(s.Keys))
	for _, l := range s.Keys {
		if l.KeyID != "" && l.Memory != (Memory{}) {
			memories[memoryKey(l.KeyID, l.Endpoint)] = l.Memory
		}
		if !slices.Contains(endpoints[l.KeyID], l.Endpoint) {
			endpoints[l.KeyID] = append(endpoints[l.KeyID], l.Endpoint)
		}
	}
	data, err := encodeLine(memories)
	if err != nil || bytes.Equal(data, onDisk) {
		return wrapStatus(err)
	}
	for name, m := range decodeMemories(onDisk) {
		id, endpoint, _ := strings.Cut(name, " ")
		if _, known := memories[name]; known || id == "" {
			continue
		}
		kept := func(at string) bool { return at != endpoint }
		if slices.ContainsFunc(endpoints[id], kept) && (endpoint == "" || s.Written.Sub(m.at()) < elsewhereLimit) {
			memories[name] = m
		}
	}
	if data, err = encodeLine(memories); err == nil && !bytes.Equal(data, onDisk) {
		err = atomicfile.Write(sys, MemoryPath(stateDir), data, 0o600)
	}
	return wrapStatus(err)
}

// encodeLine returns value as JSON, on one line.
func encodeLine(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	return append(data, '\n'), err
}

// wrapStatus says that an error is about the status. It returns nil for nil.
func wrapStatus(err error) error {
	if err != nil {
		return fmt.Errorf("daemon: the status: %w", err)
	}
	return nil
}

// Identity distinguishes the entries of a Status. The key id is not enough: several
// profiles may have no key, and a profile that cannot use a key has its own entry next
// to the profiles that can.
func (l *KeyStatus) Identity() string { return l.KeyID + " " + strings.Join(l.Profiles, ", ") }
