package daemon

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program play the command of on_event.
func TestMain(m *testing.M) {
	switch os.Getenv("KEYD_TEST_PLAYS") {
	case "":
		os.Exit(m.Run())
	case "keeper": // keeps what it is told
		text, err := io.ReadAll(os.Stdin)
		if err != nil || os.WriteFile(os.Args[1], text, 0o600) != nil || os.Getenv("NOTIFY_SOCKET") != "" {
			os.Exit(1)
		}
	case "failure":
		fmt.Fprintln(os.Stderr, "first line\nno such chat")
		os.Exit(7)
	case "sleeper": // and so does what it starts
		child := exec.Command(os.Args[0])
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if os.Getenv("KEYD_TEST_CHILD") == "" {
			child.Env = append(os.Environ(), "KEYD_TEST_CHILD=1")
			_ = child.Start()
		}
		time.Sleep(time.Hour)
	}
}

func play(role string, limit time.Duration, args ...string) command {
	c := onEvent(append([]string{os.Args[0]}, args...), Event{Time: time.Now(), Verb: NeedsYou, Profiles: []string{"default"},
		Key: "AKIAIOSFODNN7EXAMPLE", Text: "denied", Run: "keyd policy"})
	c.env, c.limit = []string{"KEYD_TEST_PLAYS=" + role}, limit
	return c
}

func TestOnEventGetsTheEventAndNothingElse(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/notify") // a child must not speak for the daemon
	kept := filepath.Join(t.TempDir(), "with a blank", "event")
	must(t, os.MkdirAll(filepath.Dir(kept), 0o700))
	if err := play("keeper", time.Minute, kept).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(kept)
	must(t, err)
	var got map[string]any
	must(t, json.Unmarshal(text, &got))
	for name, want := range map[string]any{"version": 1.0, "event": "needs you", "text": "denied", "run": "keyd policy", "needs_person": true, "key": "AKIAIOSFODNN7EXAMPLE"} {
		if got[name] != want {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if !strings.HasSuffix(string(text), "}\n") || strings.Count(string(text), "\n") != 1 {
		t.Errorf("not one line: %q", text)
	}
}

func TestOnEventThatFailsIsReported(t *testing.T) {
	o := newOutbox(os.Getenv)
	o.post(play("failure", time.Minute))
	missing := play("failure", time.Minute)
	missing.argv = []string{filepath.Join(t.TempDir(), "missing")}
	o.post(missing)
	quiet := missing
	quiet.quietly = true
	o.post(quiet)
	o.close()
	close(o.failed)
	var all []string
	for why := range o.failed {
		all = append(all, why)
	}
	if len(all) != 2 || !strings.HasSuffix(all[0], "exit status 7: no such chat") || !strings.Contains(all[1], "missing") {
		t.Errorf("%q", all)
	}
}

func TestOnEventThatHangsIsKilledWithItsChildren(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no process groups to kill")
	}
	began := time.Now()
	err := play("sleeper", 100*time.Millisecond).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not finished after 100ms: killed") {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 30*time.Second { // the child holds standard error open until it is killed
		t.Errorf("it took %s", took)
	}
}

func TestACrowdOfEventsKeepsNothingWaiting(t *testing.T) {
	o := newOutbox(os.Getenv)
	posted := 0
	for range 3 * mostWaiting {
		if o.post(play("sleeper", 5*time.Millisecond)) {
			posted++
		}
	}
	if posted > 2*mostWaiting {
		t.Errorf("%d were taken", posted)
	}
	o.cancel()
	o.close()
}

// TestNotificationsCarryNoKeyAndNoMarkup: names of profiles are anybody's text.
func TestNotificationsCarryNoKeyAndNoMarkup(t *testing.T) {
	e := Event{Verb: NeedsYou, Profiles: []string{`a"; rm <b>`, "--help"}, Key: "AKIAIOSFODNN7EXAMPLE", Text: "AKIA..MPLE is refused"}
	words, urgent := forPeople(e)
	for _, goos := range []string{"linux", "darwin", "windows"} {
		c := notification(goos, words, urgent)
		all := strings.Join(append(c.argv, c.env...), "\x00")
		if strings.Contains(all, "AKIA") || !c.quietly || c.limit > 10*time.Second || len(c.argv) == 0 {
			t.Errorf("%s: %q", goos, all)
		}
		if goos == "linux" && (strings.Contains(all, "<b>") || !strings.Contains(all, "--urgency=critical\x00--\x00")) {
			t.Errorf("%q", all)
		}
		if goos == "windows" && strings.Contains(c.argv[len(c.argv)-1], "rm") {
			t.Error("a name is part of the script")
		}
	}
	if len(notification("plan9", words, urgent).argv) != 0 {
		t.Error("a program for a system without one")
	}
}

func TestPeopleAreToldOfThreeThings(t *testing.T) {
	for _, c := range []struct {
		event        Event
		told, urgent bool
	}{
		{Event{Verb: NeedsYou, Do: Blocked}, true, true},
		{Event{Verb: "deleted", Do: Delete}, true, false},
		{Event{Verb: "deleted", Do: Discard}, true, true},
		{Event{Verb: "deleted", Do: Prune}, false, false},
		{Event{Verb: "created", Do: Create}, false, false},
		{Event{Verb: "swapped", Do: Swap}, false, false},
		{Event{Verb: "warning"}, false, false},
	} {
		if words, urgent := forPeople(c.event); (words != "") != c.told || urgent != c.urgent {
			t.Errorf("%s %s: %q, urgent %v", c.event.Do, c.event.Verb, words, urgent)
		}
	}
}

func TestWithoutADesktopNothingIsRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems always have one")
	}
	t.Setenv("PATH", t.TempDir())
	must(t, os.WriteFile(filepath.Join(os.Getenv("PATH"), "notify-send"), []byte("#!/bin/sh\n"), 0o700))
	env := map[string]string{}
	o := newOutbox(func(name string) string { return env[name] })
	defer o.close()
	if c := o.desktop("words", false); len(c.argv) != 0 {
		t.Errorf("without a bus: %q", c.argv)
	}
	env["XDG_RUNTIME_DIR"] = t.TempDir()
	if c := o.desktop("words", false); len(c.argv) != 0 {
		t.Errorf("without a bus in the folder: %q", c.argv)
	}
	env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
	if c := o.desktop("words", false); len(c.argv) == 0 {
		t.Error("with a bus: nothing")
	}
	must(t, os.Remove(filepath.Join(os.Getenv("PATH"), "notify-send")))
	if c := o.desktop("words", false); len(c.argv) != 0 {
		t.Errorf("without notify-send: %q", c.argv)
	}
}

func TestWordsOfACommand(t *testing.T) {
	for _, text := range []string{`a "b`, `a 'b`, `"`} {
		if words, err := splitWords(text); err == nil {
			t.Errorf("%s: %q", text, words)
		}
	}
	words, err := splitWords(` a	b "c d"e 'f "g' "" \n $HOME `)
	if want := `["a" "b" "c de" "f \"g" "" "\\n" "$HOME"]`; err != nil || fmt.Sprintf("%q", words) != want {
		t.Errorf("%q, %v", words, err)
	}
}
