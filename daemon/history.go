package daemon

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keyd/credfile/atomicfile"
)

// Entry is one line of history.jsonl: what was done to which key. It holds
// whole key ids and no secret.
type Entry struct {
	Time     time.Time `json:"time"`
	Process  string    `json:"process"` // "run", "rotate", ...
	PID      int       `json:"pid"`
	Profiles []string  `json:"profiles,omitzero"`
	Did      string    `json:"did"` // "created", "swapped", "deleted", ...
	Key      string    `json:"key"`
	User     string    `json:"user,omitzero"`
	Account  string    `json:"account,omitzero"`
	Text     string    `json:"text,omitzero"`
}

// History is the append-only record of what keyd did.
type History struct {
	Path string
	Sys  atomicfile.Sys
}

func historyIn(state string, sys atomicfile.Sys) History {
	return History{Path: filepath.Join(state, "history.jsonl"), Sys: sys}
}

// Add appends e durably.
func (h History) Add(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("daemon: the history: %w", err)
	}
	if err := atomicfile.Append(h.Sys, h.Path, line, 0o600); err != nil {
		return fmt.Errorf("daemon: the history: %w", err)
	}
	return nil
}

// Read returns all entries, oldest first, and how many lines were damaged and
// passed over. A history that is not there is empty.
func (h History) Read() (entries []Entry, damaged int, err error) {
	data, err := os.ReadFile(h.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("daemon: the history: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		var e Entry
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			damaged++
			continue
		}
		entries = append(entries, e)
	}
	return entries, damaged, nil
}

// recent is how much of the history is read for what was done within a day:
// some hundred rotations.
const recent = 256 << 10

// made returns when keyd last made a key for each user, since then, by account
// and user name: "111122223333/alice".
func (h History) made(since time.Time) (map[string]time.Time, error) {
	lines, err := atomicfile.Tail(h.Sys, h.Path, recent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("daemon: the history: %w", err)
	}
	last := map[string]time.Time{}
	for line := range bytes.Lines(lines) {
		var e Entry
		if !bytes.Contains(line, []byte(`"created"`)) || json.Unmarshal(line, &e) != nil || e.Did != "created" {
			continue
		}
		if e.Time.After(since) {
			last[e.Account+"/"+e.User] = e.Time
		}
	}
	return last, nil
}

// record writes what was done; a history that cannot be written stops nothing,
// but it is told.
func (d *Daemon) record(u *unit, did, id, text string) {
	r := u.facts.Rotation
	e := Entry{Time: d.Now().UTC(), Process: d.Process, PID: os.Getpid(), Profiles: u.facts.Profiles, Did: did, Key: id, Text: text}
	if r != nil {
		e.User, e.Account = r.User, r.Account
	}
	if err := d.history().Add(e); err != nil {
		d.tell(u, "", "warning", err.Error())
	}
}
