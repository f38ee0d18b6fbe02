package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
)

// The texts of entries that tell why a key was ended. They are read again from histories that
// any keyd has written, so they must not change.
const (
	RetiredNote   = "retired by a person" // of the deletion of a key that a person has retired
	PrunedNote    = "pruned"              // of the deletion of a second key
	PrunedOffNote = "pruned by a person"  // of a second key that keyd prune makes Inactive
	UseDeniedNote = "AWS did not tell whether it was still used: iam:GetAccessKeyLastUsed is denied"
)

// The beginnings of the texts of entries about keys that were made Inactive although AWS
// refused to say who used them, or their IAM records no uses.
const (
	useDeniedStart  = "AWS did not tell"
	useUnknownStart = "whether it is still used is not known"
)

// IsPruning reports whether a person has ended the key with keyd prune.
func (e HistoryEntry) IsPruning() bool { return e.Text == PrunedNote || e.Text == PrunedOffNote }

// IsUseUnknown reports whether the key was made Inactive although nobody said whether it was
// still used.
func (e HistoryEntry) IsUseUnknown() bool {
	return strings.HasPrefix(e.Text, useDeniedStart) || strings.HasPrefix(e.Text, useUnknownStart)
}

// HistoryEntry is one line of history.jsonl: what keyd did to which key. It contains
// full key ids and no secret.
type HistoryEntry struct {
	Time     time.Time `json:"time"`
	Process  string    `json:"process"` // "run", "rotate", ...
	PID      int       `json:"pid"`
	Profiles []string  `json:"profiles,omitzero"`
	Verb     string    `json:"did"` // "created", "swapped", "deleted", ...
	KeyID    string    `json:"key"` // the key to which it was done
	Text     string    `json:"text,omitzero"`
	About

	Installation string           `json:"installation,omitzero"` // which installation of keyd did it
	Calls        []remote.Receipt `json:"calls,omitzero"`        // the calls that changed something, with AWS's request ids
	OldCreated   time.Time        `json:"old_created,omitzero"`  // of "created": when the old key was made, by AWS's clock; AWS forgets it with the key
	Policy       *settings.Policy `json:"policy,omitzero"`       // the settings that were in force for the key; nil when an older keyd wrote the line
	Chain        string           `json:"chain,omitzero"`        // the hash of the line, see chain.go; Append sets it, and it stays the last field
}

// History is history.jsonl, the append-only record of what keyd did.
type History struct {
	Path string
	Sys  atomicfile.Sys
}

// OpenHistory returns the history in a state folder.
func OpenHistory(stateDir string, sys atomicfile.Sys) History {
	return History{Path: HistoryPath(stateDir), Sys: sys}
}

// Append adds e at the end of the history, and returns when it is durable. The caller holds
// the pass lock: see chain.go.
func (h History) Append(e HistoryEntry) error {
	e.Chain = ""
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("daemon: the history: %w", err)
	}
	next := func(before atomicfile.Before) ([]byte, error) { return addChain(before, line) }
	if err := atomicfile.AppendNext(h.Sys, h.Path, 0o600, tailSize, next); err != nil {
		return fmt.Errorf("daemon: the history: %w", err)
	}
	return nil
}

// Read returns all entries, oldest first, and the number of damaged lines that it
// skipped. A missing file is an empty history.
func (h History) Read() (entries []HistoryEntry, damaged int, err error) {
	data, err := os.ReadFile(h.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("daemon: the history: %w", err)
	}
	entries, damaged = parseHistory(data)
	return entries, damaged, nil
}

// Record is a whole history, with what a check of its chain has found.
type Record struct {
	Entries []HistoryEntry
	Lines   []int // of each entry, counted from 1
	Damaged int   // lines that are no entry
	Chain   Chain
}

// ReadRecord returns the whole history. A missing file is an empty one.
func (h History) ReadRecord() (Record, error) {
	data, err := os.ReadFile(h.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Record{}, fmt.Errorf("daemon: the history: %w", err)
	}
	return ParseRecord(data), nil
}

// ParseRecord reads a whole history.
func ParseRecord(data []byte) Record {
	r := Record{Chain: CheckChain(data)}
	n := 0
	for line := range bytes.Lines(data) {
		var e HistoryEntry
		switch n++; {
		case len(bytes.TrimSpace(line)) == 0:
		case json.Unmarshal(line, &e) != nil:
			r.Damaged++
		default:
			r.Entries, r.Lines = append(r.Entries, e), append(r.Lines, n)
		}
	}
	return r
}

// ReadEnd returns the last entries, oldest first: those of some thousand rotations. A
// missing file is an empty history. Damaged lines are skipped.
func (h History) ReadEnd() ([]HistoryEntry, error) {
	data, err := atomicfile.Tail(h.Sys, h.Path, atomicfile.MaxSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("daemon: the history: %w", err)
	}
	entries, _ := parseHistory(data)
	return entries, nil
}

// parseHistory returns the entries in data, and the number of damaged lines.
func parseHistory(data []byte) (entries []HistoryEntry, damaged int) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		var e HistoryEntry
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			damaged++
			continue
		}
		entries = append(entries, e)
	}
	return entries, damaged
}

// HasReceipt reports whether a recent entry has the receipt with this request id. It
// returns false when the history cannot be read now: a receipt twice is better than
// none.
func (h History) HasReceipt(requestID string) bool {
	lines, err := atomicfile.Tail(h.Sys, h.Path, maxRecentBytes)
	quoted, quoteErr := json.Marshal(requestID)
	return err == nil && quoteErr == nil && requestID != "" && bytes.Contains(lines, append([]byte(`"request_id":`), quoted...))
}

// maxRecentBytes is how much ReadRecent and HasReceipt read from the end of the history:
// some hundred rotations.
const maxRecentBytes = 256 << 10

// Recent is what keyd did lately.
type Recent struct {
	Created   map[string]time.Time // when keyd last made a key, by account and user name as in "111122223333/alice"
	Deleted   map[string]time.Time // when keyd deleted a key, by its id
	Freed     map[string]time.Time // when keyd last deleted a key, by its owner as in Created
	Retired   map[string]time.Time // when keyd ended a key that a person has retired, by its id, as far back as the end of the history tells
	MadeAt    map[string]time.Time // when keyd made a key, by its id, as far back as the end of the history tells
	Replaced  map[string]string    // which key a key of keyd's has replaced, unless keyd has deleted that one since, by their ids, as far back as the end of the history tells
	Made      map[string]bool      // the ids of the keys that keyd made, as far back as the end of the history tells
	Validated bool                 // keyd has validated a rotation, at whatever time
}

// ReadRecent returns what keyd has done after since, and which keys it made before.
func (h History) ReadRecent(since time.Time) (Recent, error) {
	r := Recent{Created: map[string]time.Time{}, Deleted: map[string]time.Time{}, Freed: map[string]time.Time{}, Retired: map[string]time.Time{}, MadeAt: map[string]time.Time{}, Made: map[string]bool{}, Replaced: map[string]string{}}
	lines, err := atomicfile.Tail(h.Sys, h.Path, maxRecentBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("daemon: the history: %w", err)
	}
	for line := range bytes.Lines(lines) {
		r.Validated = r.Validated || bytes.Contains(line, []byte(`"did":"validated"`))
		var e HistoryEntry
		if !bytes.Contains(line, []byte(`"created"`)) && !bytes.Contains(line, []byte(`"deleted"`)) && !bytes.Contains(line, []byte(`"retired"`)) || json.Unmarshal(line, &e) != nil {
			continue
		}
		r.Made[e.KeyID] = r.Made[e.KeyID] || e.Verb == "created"
		if e.Verb == "created" {
			r.MadeAt[e.KeyID] = e.Time
			if e.NewKey == e.KeyID && e.OldKey != "" { // not the helper of a retirement
				r.Replaced[e.NewKey] = e.OldKey
			}
		}
		if e.Verb == "deleted" || e.Verb == "retired" {
			maps.DeleteFunc(r.Replaced, func(_, old string) bool { return old == e.KeyID })
		}
		if e.Verb == "retired" || e.Verb == "deleted" && e.Text == RetiredNote {
			r.Retired[e.KeyID] = e.Time
		}
		switch late := e.Time.After(since); {
		case late && e.Verb == "created":
			r.Created[e.Account+"/"+e.User] = e.Time
		case late && e.Verb == "deleted":
			r.Deleted[e.KeyID], r.Freed[e.Account+"/"+e.User] = e.Time, e.Time
		}
	}
	return r, nil
}
