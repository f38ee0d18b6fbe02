package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"keyd/daemon/hint"
	"keyd/daemon/state"
)

// screen is a standard output that one goroutine writes while another one reads it.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.wrote <- struct{}{}:
		default:
		}
	}()
	return s.text.Write(p)
}

func (s *screen) hasText(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

func (s *screen) awaitText(t *testing.T, text string) {
	t.Helper()
	for !s.hasText(text) {
		select {
		case <-s.wrote:
		case <-t.Context().Done():
			t.Fatalf("%q was not printed", text)
		}
	}
}

// newMacApp returns an app on a system without a journal, its output and its state folder.
func newMacApp(t *testing.T) (*app, *screen, string) {
	stateDir, out := t.TempDir(), &screen{wrote: make(chan struct{}, 1)}
	env := map[string]string{"KEYD_STATE_DIR": stateDir, "KEYD_SETTINGS": filepath.Join(stateDir, "keyd.ini"), "HOME": stateDir, "USERPROFILE": stateDir}
	return newApp(process{out: out, err: out, getenv: func(name string) string { return env[name] }, goos: "darwin"}), out, stateDir
}

func TestLogFilesArePrintedOldestFirst(t *testing.T) {
	u, out, stateDir := newMacApp(t)
	if err := u.showLogFiles(t.Context(), 10, false); err == nil || hint.Hint(err) != "keyd install" {
		t.Errorf("without a log: %v", err)
	}
	for name, text := range map[string]string{"keyd.log.2": "1\n2\n", "keyd.log.1": "3\n4\n", "keyd.log": "5\n"} {
		if err := os.WriteFile(filepath.Join(stateDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.showLogFiles(t.Context(), 4, false); err != nil || out.text.String() != "2\n3\n4\n5\n" {
		t.Errorf("%q, %v", out.text.String(), err)
	}
}

func TestFollowContinuesInTheNextLogFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not rename a file that is being read")
	}
	u, out, stateDir := newMacApp(t)
	log, err := state.OpenLog(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	say := func(text string) {
		t.Helper()
		if _, err := log.Write([]byte(text + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	say("past")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- u.showLogFiles(ctx, 10, true) }()
	out.awaitText(t, "past\n")
	say("present")
	out.awaitText(t, "present\n")
	for range 2 { // fills the file, so that the log starts a new one
		say(strings.Repeat("x", 600<<10))
	}
	say("future")
	out.awaitText(t, "future\n")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
