package notify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program play a command of on_event.
func TestMain(m *testing.M) {
	switch os.Getenv("KEYD_TEST_PLAYS") {
	case "":
		os.Exit(m.Run())
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

// play is this test program, started again in a role of TestMain.
func play(role string, limit time.Duration) Program {
	return Program{Name: "on_event", Argv: []string{os.Args[0]}, Stdin: []byte("{}\n"), Env: []string{"KEYD_TEST_PLAYS=" + role}, Limit: limit}
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
	err := play("sleeper", 100*time.Millisecond).Run(t.Context())
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

// TestNotificationsCarryNoMarkup: names of profiles are anybody's text.
func TestNotificationsCarryNoMarkup(t *testing.T) {
	words, urgent := `a"; rm <b>, --help: the access key needs you. keyd status says why`, true
	for _, goos := range []string{"linux", "darwin", "windows"} {
		c := desktopProgram(goos, words, urgent)
		all := strings.Join(append(c.Argv, c.Env...), "\x00")
		if !c.IgnoreFailure || c.Limit > 10*time.Second || len(c.Argv) == 0 {
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
