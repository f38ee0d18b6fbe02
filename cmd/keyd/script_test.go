package main

import (
	"bytes"
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/daemon"
)

// TestMain runs more scripts at a time than there are processors: a script waits for
// keyd most of the time, and keyd waits for AWS.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"keyd": main, "keyd-mac": keydOnMac, "launchctl": launchctl, "keyd-leaky": leaky, "keyd-hurried": keydHurried})
}

// TestStories runs the scripts. Each one is a story with its own home and its own AWS on
// loopback, which the command sim changes and checks.
func TestStories(t *testing.T) {
	testscript.RunT(&overheard{T: t}, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               settle,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sim": sim, "exits": exits, "shape": shape, "save": save, "unchanged": unchanged, "subst": subst, "terminate": terminate, "fill": fill, "backdate": backdate,
		},
	})
}

// settle sets up a script's AWS, and the folders that keyd uses.
func settle(env *testscript.Env) error {
	w := newWorld()
	server := httptest.NewServer(w)
	env.Defer(server.Close)
	env.Values[worldKey{}] = w
	w.listen(env)
	for name, value := range map[string]string{
		"HOME":             env.WorkDir,
		"USERPROFILE":      env.WorkDir,
		"KEYD_STATE_DIR":   filepath.Join(env.WorkDir, "state"),
		"KEYD_SETTINGS":    filepath.Join(env.WorkDir, "keyd.ini"),
		"AWS_ENDPOINT_URL": server.URL,
		"NO_PROXY":         "*",
		"TZ":               "UTC",
		"GORACE":           "atexit_sleep_ms=0", // saves a second for each keyd under the race detector
	} {
		env.Setenv(name, value)
	}
	return nil
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, errors.New("unknown condition " + name)
}

// exits runs a program and demands an exit code: exits 3 keyd status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	silent(ts)
}

var secretLine = regexp.MustCompile(`(?m)^aws_secret_access_key\s*=\s*(\S{30,})`)

// silent demands that keyd has neither printed a secret of AWS or of the files, nor
// stored one where the design does not allow it.
func silent(ts *testscript.TestScript) {
	w := worldOf(ts)
	marks := marksOf(w.secrets())
	for _, name := range []string{"stdout", "stderr"} {
		w.last = ts.ReadFile(name)
		for _, m := range marksIn([]byte(ts.ReadFile(name)), marks) {
			ts.Fatalf("%s was printed to %s", m, name)
		}
	}
	if found := findSecrets(w.home, marks, w.places(true)); len(found) > 0 {
		ts.Fatalf("%s", strings.Join(found, "\n"))
	}
}

// shape compares the output of a program, line by line, with regular expressions in
// which the values of $VARIABLES are taken literally: shape stdout want.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	got := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	want := strings.Split(strings.TrimSuffix(ts.ReadFile(args[1]), "\n"), "\n")
	if len(got) != len(want) {
		ts.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i, line := range want {
		pattern := os.Expand(line, func(name string) string { return regexp.QuoteMeta(ts.Getenv(name)) })
		if ok, err := regexp.MatchString("^(?:"+pattern+")$", got[i]); !ok || err != nil {
			ts.Fatalf("line %d is\n%s\nwant\n%s", i+1, got[i], pattern)
		}
	}
}

// save remembers the contents and modes of files, for unchanged.
func save(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		worldOf(ts).saved[name] = stateOf(ts, name)
	}
}

// unchanged compares every byte, and the mode, with what save remembered.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		want, ok := worldOf(ts).saved[name]
		if !ok {
			ts.Fatalf("%s was never saved", name)
		}
		if same := stateOf(ts, name) == want; same == neg {
			ts.Fatalf("%s: unchanged is %v", name, same)
		}
	}
}

func stateOf(ts *testscript.TestScript, name string) string {
	info, err := os.Stat(ts.MkAbs(name))
	if err != nil {
		return "none"
	}
	data, err := os.ReadFile(ts.MkAbs(name))
	ts.Check(err)
	return info.Mode().String() + "\n" + string(data)
}

// subst puts the values of variables into files: ${OLD_ID}.
func subst(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		data, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(string(data), ts.Getenv)), 0o600))
	}
}

// terminate sends SIGTERM to the daemon that ran the last pass.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	status, err := daemon.LoadStatus(ts.Getenv("KEYD_STATE_DIR"))
	ts.Check(err)
	if status.Process != "run" {
		ts.Fatalf("keyd %s ran the last pass", status.Process)
	}
	process, err := os.FindProcess(status.PID)
	ts.Check(err)
	ts.Check(process.Signal(syscall.SIGTERM))
}

// fill writes a file of this many bytes: fill NAME BYTES.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte("#\n"), size/2), 0o600))
}

// backdate makes files look as if they had last been written an hour ago.
func backdate(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		at := time.Now().Add(-time.Hour)
		ts.Check(os.Chtimes(ts.MkAbs(name), at, at))
	}
}
