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

// TestMain makes this test program act as an on_event program, or as a hook.
func TestMain(m *testing.M) {
	switch os.Getenv("KEYD_TEST_PLAYS") {
	case "":
		os.Exit(m.Run())
	case "hook":
		playHook()
	case "failure":
		fmt.Fprintln(os.Stderr, "first line\nno such chat")
		os.Exit(7)
	case "sleeper": // starts a child that sleeps, too
		child := exec.Command(os.Args[0])
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if os.Getenv("KEYD_TEST_CHILD") == "" {
			child.Env = append(os.Environ(), "KEYD_TEST_CHILD=1")
			_ = child.Start()
		}
		time.Sleep(time.Hour)
	}
}

// newProgram returns this test program in a role of TestMain.
func newProgram(role string, limit time.Duration) Program {
	return Program{Name: "on_event", Argv: []string{os.Args[0]}, Stdin: []byte("{}\n"), Env: []string{"KEYD_TEST_PLAYS=" + role}, Limit: limit}
}

func TestOnEventThatFailsIsReported(t *testing.T) {
	o := StartOutbox(os.Getenv)
	o.Post(newProgram("failure", time.Minute))
	missing := newProgram("failure", time.Minute)
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
		t.Errorf("the failures are %q", all)
	}
}

func TestOnEventThatHangsIsKilledWithItsChildren(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no process groups to kill")
	}
	began := time.Now()
	err := newProgram("sleeper", 100*time.Millisecond).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not finished after 100ms: killed") {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 30*time.Second { // the child holds standard error open until it is killed
		t.Errorf("Run took %s", took)
	}
}

func TestPostDropsProgramsWhenTooManyWait(t *testing.T) {
	o := StartOutbox(os.Getenv)
	posted := 0
	for range 3 * maxQueued {
		if o.Post(newProgram("sleeper", 5*time.Millisecond)) {
			posted++
		}
	}
	if posted > 2*maxQueued {
		t.Errorf("Post queued %d programs", posted)
	}
	o.cancel()
	o.Close()
}

// TestNotificationsCarryNoMarkup uses a hostile profile name: anyone can choose one.
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
			t.Error("a profile name is part of the script")
		}
	}
	if len(desktopProgram("plan9", words, urgent).Argv) != 0 {
		t.Error("there is a program for a system without desktop notifications")
	}
}

func TestNoDesktopMeansNoProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems always have a desktop")
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
		t.Error("with a bus: no program")
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
