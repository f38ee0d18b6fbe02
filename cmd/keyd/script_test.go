package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
	"keyd/daemon/state"
	"keyd/install"
)

// TestMain runs more scripts at a time than there are processors: a script waits for
// keyd most of the time, and keyd waits for AWS.
func TestMain(m *testing.M) {
	programs := map[string]func(){"keyd": mainAtOnce, "keyd-mac": keydOnMac, "keyd-leaky": leakSecret, "keyd-hurried": keydHurried, "keyd-fast": keydByFastClock}
	if programs[strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")] == nil {
		prepareTests()
	}
	testscript.Main(m, programs)
}

// prepareTests prepares the process that runs the tests, and not the programs that it
// starts. It takes away the variables that would make keyd do something else on one
// machine than on another; a bundle of certificates costs each keyd half of its time.
// It also lets garbage grow, since most of these processes are short. What this process
// ignores, as under nohup, the programs would ignore as well; what it catches, they do not.
func prepareTests() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	foreign := regexp.MustCompile(`^(AWS_.*|REQUESTS_CA_BUNDLE|SSL_CERT_.*|XDG_(CONFIG|STATE)_HOME|KEYD_(SETTINGS|STATE_DIR)|(?i:https?|no|all)_(?i:proxy))$`)
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); foreign.MatchString(name) {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
		_ = os.Setenv("GOGC", "400")
	}
}

// mainAtOnce is main without the wait until a new key is five minutes old: the stories run
// in real time.
func mainAtOnce() {
	p := thisProcess()
	p.hurry, p.program, p.root = true, os.Getenv("KEYD_TEST_PROGRAM"), noMachine(p.getenv)
	os.Exit(executeMain(p))
}

// TestStories runs the scripts. Each one is a story with its own home and its own AWS on
// loopback, which the command sim changes and checks.
func TestStories(t *testing.T) {
	t.Cleanup(func() {
		for _, text := range hintProblems.texts {
			t.Error(text)
		}
	})
	testscript.RunT(&searchedT{T: t}, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         deeptest.Folder(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpStory,
		Condition:           checkCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sim": runSim, "exits": demandExit, "await": await, "shape": demandShape, "save": saveFiles, "unchanged": demandUnchanged, "subst": substituteVariables, "terminate": terminateDaemon, "fill": fillFile, "backdate": backdateFiles, "handout": demandHandout,
		},
	})
}

// setUpStory sets up a script's AWS, and the folders that keyd uses.
func setUpStory(env *testscript.Env) error {
	w := newWorld()
	server := httptest.NewServer(w)
	env.Defer(server.Close)
	env.Values[worldKey{}] = w
	w.listenToStory(env)
	programs := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(programs, 0o700); err != nil {
		return err
	}
	if err := writeProgram(filepath.Join(programs, "launchctl"), launchctl); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"PATH":             programs + string(filepath.ListSeparator) + env.Getenv("PATH"),
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

func checkCondition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "fakes": // keyd runs inside the test, on a file system of the test
		return !deeptest.On() && runtime.GOOS != "windows", nil
	}
	return false, errors.New("unknown condition " + name)
}

// demandExit runs a program and demands an exit code: exits 3 keyd status.
func demandExit(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	got, stdout, stderr := 0, "", ""
	if args[1] == "keyd" && needsNoProcess(ts) {
		got, stdout, stderr = runHere(ts.Getenv, args[2:])
		_, _ = io.WriteString(ts.Stdout(), stdout)
		_, _ = io.WriteString(ts.Stderr(), stderr)
	} else {
		if err := ts.Exec(args[1], args[2:]...); err != nil {
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok {
				ts.Fatalf("%v", err)
			}
			got = exit.ExitCode()
		}
		stdout, stderr = ts.ReadFile("stdout"), ts.ReadFile("stderr")
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	demandNoSecret(ts, stdout, stderr)
	if len(args) > 2 && args[1] == "keyd" && args[2] == "status" && slices.Contains(args, "--json") && stdout != "" {
		demandStatusSchema(ts, stdout)
	}
	checkHints(ts, stderr)
}

// await runs keyd status until a line that it prints matches: await 'default .* ok$'.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if !neg && len(args) == 3 && args[0] == "-gone" {
		awaitGone(ts, args[1], args[2])
		return
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await PATTERN, or await -gone FILE PATTERN")
	}
	pattern, out := regexp.MustCompile("(?m)"+args[0]), ""
	for range 400 {
		if _, out, _ = runHere(ts.Getenv, []string{"status"}); pattern.MatchString(out) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("keyd status shows no line like %s within 20 s:\n%s", args[0], out)
}

// awaitGone waits until a file no longer has a text that matches a pattern.
func awaitGone(ts *testscript.TestScript, file, text string) {
	pattern := regexp.MustCompile(text)
	for range 400 {
		data, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		if !pattern.Match(data) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s still has %s after 20 s", file, text)
}

// needsNoProcess reports whether keyd may run inside the test's own process, which costs a
// fraction of a new one. Deep tests always start a process. So does a story with a path
// relative to the folder in which keyd was started, or with a proxy, which Go's http client
// reads from the environment of its process.
func needsNoProcess(ts *testscript.TestScript) bool {
	file := ts.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	return !deeptest.On() && (file == "" || filepath.IsAbs(file)) && ts.Getenv("HTTPS_PROXY") == ""
}

// processLimit is far longer than any command takes. It ends the test of a keyd that
// never exits, such as a keyd run that becomes the daemon when it should fail.
const processLimit = time.Minute

// runHere runs keyd with this environment inside the test's own process. When keyd has not
// ended within processLimit, runHere returns exit code -1 and a message in stderr, and
// leaves keyd running.
func runHere(getenv func(string) string, args []string) (exit int, stdout, stderr string) {
	var out, err bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- executeKeyd(args, process{
			in: strings.NewReader(""), out: &out, err: &err, getenv: getenv, goos: runtime.GOOS, now: time.Now, sys: fakeOwners(getenv),
			program: getenv("KEYD_TEST_PROGRAM"), root: noMachine(getenv),
			host: func() (install.Host, error) {
				h, err := install.CurrentHost()
				h.Getenv, h.Home, h.Argv0 = getenv, getenv("HOME"), "keyd"
				return h, err
			},
		})
	}()
	select {
	case exit = <-ended:
		return exit, out.String(), err.String()
	case <-time.After(processLimit):
		return -1, "", fmt.Sprintf("keyd %s still runs after %s in the process of the test\n", strings.Join(args, " "), processLimit)
	}
}

// noMachine returns a folder in place of the root of the machine that runs the tests: a story
// does not depend on what runs there.
func noMachine(getenv func(string) string) string { return filepath.Join(getenv("HOME"), "machine") }

// fakeOwners returns a file system on which owners and modes are what a story says, or nil
// if it says nothing. KEYD_TEST_ME is the user of the process, and KEYD_TEST_OWNERS holds
// words such as state=1234:0755 with paths below the home folder; "." is that folder.
func fakeOwners(getenv func(string) string) atomicfile.Sys {
	me, err := strconv.Atoi(getenv("KEYD_TEST_ME"))
	if err != nil {
		return nil
	}
	home, err := filepath.EvalSymlinks(getenv("HOME"))
	if err != nil {
		panic(err)
	}
	owners := map[string]atomicfiletest.Owner{}
	for word := range strings.FieldsSeq(getenv("KEYD_TEST_OWNERS")) {
		path, owner, _ := strings.Cut(word, "=")
		uid, mode, _ := strings.Cut(owner, ":")
		id, err := strconv.Atoi(uid)
		bits, failed := strconv.ParseUint(mode, 8, 9)
		if err != nil || failed != nil {
			panic(word)
		}
		owners[filepath.Join(home, path)] = atomicfiletest.Owner{UID: id, GID: id, Mode: fs.FileMode(bits)}
	}
	return &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: me, Owners: owners}
}

var secretLine = regexp.MustCompile(`(?m)^aws_secret_access_key\s*=\s*(\S{30,})`)

// secretsIn returns the secrets in the lines of a credentials file.
func secretsIn(text []byte) (secrets []string) {
	if !bytes.Contains(text, []byte("aws_secret_access_key")) { // so nothing matches: some of these files are large
		return nil
	}
	for _, found := range secretLine.FindAllSubmatch(text, -1) {
		secrets = append(secrets, string(found[1]))
	}
	return secrets
}

// demandNoSecret demands that no secret of AWS or of the files is in what keyd printed, or in
// a place where the design allows none.
func demandNoSecret(ts *testscript.TestScript, stdout, stderr string) {
	w := worldOf(ts)
	marks := marksOf(w.knownSecrets())
	w.last = stderr
	for _, m := range marksIn([]byte(stdout), marks) {
		ts.Fatalf("%s was printed to stdout", m)
	}
	for _, m := range marksIn([]byte(stderr), marks) {
		ts.Fatalf("%s was printed to stderr", m)
	}
	if found := findSecrets(w.home, marks, w.secretPlaces(true)); len(found) > 0 {
		ts.Fatalf("%s", strings.Join(found, "\n"))
	}
}

// demandShape compares the output of a program, line by line, with regular expressions in
// which the values of $VARIABLES are taken literally: shape stdout want.
func demandShape(ts *testscript.TestScript, neg bool, args []string) {
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

// saveFiles remembers the contents and modes of files, for unchanged.
func saveFiles(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		worldOf(ts).saved[name] = stateOf(ts, name)
	}
}

// demandUnchanged compares every byte, and the mode, with what save remembered.
func demandUnchanged(ts *testscript.TestScript, neg bool, args []string) {
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

// substituteVariables puts the values of variables into files: ${OLD_ID}.
func substituteVariables(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		data, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(string(data), ts.Getenv)), 0o600))
	}
}

// terminateDaemon sends SIGTERM to the daemon that ran the last pass.
func terminateDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	status, err := state.LoadStatus(ts.Getenv("KEYD_STATE_DIR"))
	ts.Check(err)
	if status.Process != "run" {
		ts.Fatalf("keyd %s ran the last pass", status.Process)
	}
	process, err := os.FindProcess(status.PID)
	ts.Check(err)
	ts.Check(process.Signal(syscall.SIGTERM))
}

// fillFile writes a file of this many bytes: fill NAME BYTES.
func fillFile(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte("#\n"), size/2), 0o600))
}

// backdateFiles makes files look as if they had last been written an hour ago.
func backdateFiles(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		at := time.Now().Add(-time.Hour)
		ts.Check(os.Chtimes(ts.MkAbs(name), at, at))
	}
}

// writeProgram writes a program. No process is forked meanwhile: it would hold the file open
// for writing until it starts its own program, and until then this one is "text file busy".
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o700)
}
