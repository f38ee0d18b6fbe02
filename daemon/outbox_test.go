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

func play(role string, limit time.Duration, args ...string) Program {
	c := onEventProgram(append([]string{os.Args[0]}, args...), Event{Time: time.Now(), Verb: NeedsYou, Profiles: []string{"default"},
		KeyID: "AKIAIOSFODNN7EXAMPLE", Text: "denied", Hint: "keyd policy"})
	c.Env, c.Limit = []string{"KEYD_TEST_PLAYS=" + role}, limit
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
	o := StartOutbox(os.Getenv)
	o.Post(play("failure", time.Minute))
	missing := play("failure", time.Minute)
	missing.Argv = []string{filepath.Join(t.TempDir(), "missing")}
	o.Post(missing)
	quiet := missing
	quiet.IgnoreFailure = true
	o.Post(quiet)
	o.Close()
	close(o.Failures)
	var all []string
	for why := range o.Failures {
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
	o := StartOutbox(os.Getenv)
	posted := 0
	for range 3 * maxQueued {
		if o.Post(play("sleeper", 5*time.Millisecond)) {
			posted++
		}
	}
	if posted > 2*maxQueued {
		t.Errorf("%d were taken", posted)
	}
	o.cancel()
	o.Close()
}

// TestNotificationsCarryNoKeyAndNoMarkup: names of profiles are anybody's text.
func TestNotificationsCarryNoKeyAndNoMarkup(t *testing.T) {
	e := Event{Verb: NeedsYou, Profiles: []string{`a"; rm <b>`, "--help"}, KeyID: "AKIAIOSFODNN7EXAMPLE", Text: "AKIA..MPLE is refused"}
	words, urgent := desktopText(e)
	for _, goos := range []string{"linux", "darwin", "windows"} {
		c := desktopProgram(goos, words, urgent)
		all := strings.Join(append(c.Argv, c.Env...), "\x00")
		if strings.Contains(all, "AKIA") || !c.IgnoreFailure || c.Limit > 10*time.Second || len(c.Argv) == 0 {
			t.Errorf("%s: %q", goos, all)
		}
		if goos == "linux" && (strings.Contains(all, "<b>") || !strings.Contains(all, "--urgency=critical\x00--\x00")) {
			t.Errorf("%q", all)
		}
		if goos == "windows" && strings.Contains(c.Argv[len(c.Argv)-1], "rm") {
			t.Error("a name is part of the script")
		}
	}
	if len(desktopProgram("plan9", words, urgent).Argv) != 0 {
		t.Error("a program for a system without one")
	}
}

func TestPeopleAreToldOfThreeThings(t *testing.T) {
	for _, c := range []struct {
		event        Event
		told, urgent bool
	}{
		{Event{Verb: NeedsYou, Do: DoBlock}, true, true},
		{Event{Verb: "deleted", Do: DoDelete}, true, false},
		{Event{Verb: "deleted", Do: DoDiscard}, true, true},
		{Event{Verb: "deleted", Do: DoPrune}, false, false},
		{Event{Verb: "created", Do: DoCreate}, false, false},
		{Event{Verb: "swapped", Do: DoSwap}, false, false},
		{Event{Verb: "warning"}, false, false},
	} {
		if words, urgent := desktopText(c.event); (words != "") != c.told || urgent != c.urgent {
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
	o := StartOutbox(func(name string) string { return env[name] })
	defer o.Close()
	if c := o.Desktop("words", false); len(c.Argv) != 0 {
		t.Errorf("without a bus: %q", c.Argv)
	}
	env["XDG_RUNTIME_DIR"] = t.TempDir()
	if c := o.Desktop("words", false); len(c.Argv) != 0 {
		t.Errorf("without a bus in the folder: %q", c.Argv)
	}
	env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
	if c := o.Desktop("words", false); len(c.Argv) == 0 {
		t.Error("with a bus: nothing")
	}
	must(t, os.Remove(filepath.Join(os.Getenv("PATH"), "notify-send")))
	if c := o.Desktop("words", false); len(c.Argv) != 0 {
		t.Errorf("without notify-send: %q", c.Argv)
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
