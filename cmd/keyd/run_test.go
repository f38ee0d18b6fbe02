package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/state"
)

// TestSecondDaemonEndsForGood checks how keyd run ends when another daemon has the state
// folder: with a code after which systemd does not start it again, and, since launchd
// knows no such code, with success and without a word in the file that nothing truncates.
func TestSecondDaemonEndsForGood(t *testing.T) {
	for _, test := range []struct {
		name, goos, label string
		want              int
		said              string
	}{
		{"systemd", "linux", "", exitRunning, "keyd: error: a daemon is already running here\nkeyd: hint: keyd status\n"},
		{"a terminal of a Mac", "darwin", "com.apple.Terminal", exitRunning, "keyd: error: a daemon is already running here\nkeyd: hint: keyd status\n"},
		{"launchd", "darwin", launchdLabel, exitDone, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			unlock, err := state.LockFile(t.Context(), atomicfile.OS{}, state.DaemonLockPath(home), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
			env := map[string]string{"HOME": home, "USERPROFILE": home, "KEYD_STATE_DIR": home, "KEYD_SETTINGS": filepath.Join(home, "keyd.ini"), "XPC_SERVICE_NAME": test.label}
			var out, errs bytes.Buffer
			code := executeKeyd([]string{"run"}, process{out: &out, err: &errs, getenv: func(name string) string { return env[name] }, goos: test.goos, now: time.Now})
			if code != test.want || !strings.HasSuffix(errs.String(), test.said) || test.said == "" && errs.Len() > 0 {
				t.Errorf("exit code %d, %q; want %d, %q", code, errs.String(), test.want, test.said)
			}
		})
	}
}
