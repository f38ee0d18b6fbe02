package state

import (
	"os"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/decide"
)

// TestMemoryBelongsToItsEndpoint: what AWS said of a key outlives a pass that asked a
// stand-in, and an earlier keyd finds it under the name that it knows.
func TestMemoryBelongsToItsEndpoint(t *testing.T) {
	dir, sys, now := t.TempDir(), atomicfile.OS{}, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	save := func(endpoint, account string, at time.Time) {
		t.Helper()
		line := KeyStatus{KeyID: "AKIAX", Endpoint: endpoint, Memory: Memory{Seen: &decide.Seen{Account: account, At: at}}}
		must(t, Status{Version: StatusVersion, Written: at, Keys: []KeyStatus{line}}.Save(sys, dir))
	}
	account := func(s Status, endpoint string) string {
		if m := s.Recall("AKIAX", endpoint); m.Seen != nil {
			return m.Seen.Account
		}
		return ""
	}
	const standIn = "http://localhost:4566"
	save("", "111122223333", now)
	save(standIn, "000000000000", now)
	s, err := LoadStatusAndMemory(dir)
	must(t, err)
	if account(s, "") != "111122223333" || account(s, standIn) != "000000000000" || s.Keys[0].Seen.Account != "000000000000" {
		t.Errorf("AWS said %q, the stand-in %q", account(s, ""), account(s, standIn))
	}
	if others := s.RecallElsewhere("AKIAX", ""); len(others) != 1 || others[standIn].Seen == nil {
		t.Errorf("%v", others)
	}
	save("", "111122223333", now.Add(31*24*time.Hour))
	if s, err = LoadStatusAndMemory(dir); err != nil || account(s, standIn) != "" || account(s, "") == "" {
		t.Errorf("a month later the stand-in's word is %q, AWS's %q, %v", account(s, standIn), account(s, ""), err)
	}
	must(t, Status{Version: StatusVersion}.Save(sys, dir)) // the key left the files
	if s, err = LoadStatusAndMemory(dir); err != nil || account(s, "") != "" {
		t.Errorf("%q, %v", account(s, ""), err)
	}
}

// TestUnchangedMemoryIsNotWritten: a pass saves the status many times, and what it
// remembers changes seldom. What somebody else has written there does not stay.
func TestUnchangedMemoryIsNotWritten(t *testing.T) {
	dir, writes := t.TempDir(), 0
	sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: func(c atomicfiletest.Call) error {
		if c.Op == "Rename" && c.Name == MemoryPath(dir) {
			writes++
		}
		return nil
	}}
	save := func(account string, want int) {
		t.Helper()
		line := KeyStatus{KeyID: "AKIAX", Memory: Memory{Seen: &decide.Seen{Account: account}}}
		must(t, Status{Version: StatusVersion, Keys: []KeyStatus{line}}.Save(sys, dir))
		if s, err := LoadStatusAndMemory(dir); err != nil || s.Keys[0].Seen.Account != account || writes != want {
			t.Errorf("%+v, %v; written %d times, want %d", s, err, writes, want)
		}
	}
	save("111122223333", 1)
	save("111122223333", 1)
	save("444455556666", 2)
	must(t, os.WriteFile(MemoryPath(dir), []byte("{}\n"), 0o600))
	save("444455556666", 3)
	save("444455556666", 3)
}

// TestLargeStatusIsReadWhole: what is remembered of 10,000 keys takes more bytes than the
// largest AWS file that keyd reads. Without it, each pass would ask AWS about all of them.
func TestLargeStatusIsReadWhole(t *testing.T) {
	dir, long := t.TempDir(), strings.Repeat("x", 2*atomicfile.MaxSize)
	line := KeyStatus{KeyID: "AKIAX", Why: long, Memory: Memory{Failure: &decide.Failure{Why: long}}}
	must(t, Status{Version: StatusVersion, Keys: []KeyStatus{line}}.Save(atomicfile.OS{}, dir))
	s, err := LoadStatusAndMemory(dir)
	if must(t, err); len(s.Keys) != 1 || s.Keys[0].Why != long || s.Keys[0].Failure == nil || s.Keys[0].Failure.Why != long {
		t.Errorf("%d keys, %q", len(s.Keys), s.Notes)
	}
}
