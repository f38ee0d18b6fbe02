package install

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kardianos/service"
)

// newTestTask returns a task whose schtasks is a stand-in.
func newTestTask(t *testing.T) (*task, *standIn) {
	t.Helper()
	h := newHost(t, "windows")
	s := putStandIns(&h)
	h.Daemon = func() (int, bool) { return 4711, s.hasFact("runs") }
	c := awkwardConfig()
	c.Executable, c.EnvVars = `C:\Users\al ice\keyd.exe`, map[string]string{"AWS_CONFIG_FILE": `C:\Users\al ice\config`}
	made, err := taskSystem(&h).New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	k := made.(*task)
	k.daemonTimeout, k.pollEvery = 50*time.Millisecond, time.Millisecond
	return k, s
}

func TestTaskCallsSchtasks(t *testing.T) {
	k, s := newTestTask(t)
	file := filepath.Join(k.host.StateDir, "task.xml")
	name := "keyd-aws-CORP-alice"
	query := "schtasks /query /tn " + name + "\n"
	create := "schtasks /create /tn " + name + " /xml " + file + " /f\n" + query + "schtasks /run /tn " + name
	end := query + "schtasks /end /tn " + name + "\n"
	disable := query + "schtasks /change /tn " + name + " /disable\n"
	enable := query + "schtasks /change /tn " + name + " /enable\n"
	steps := []struct {
		name string
		do   func() error
		want string
		runs bool
	}{
		{"install", k.Install, create, true},
		{"install again", k.Install, end + create, true},
		{"stop, before the trigger starts it again", k.Stop, strings.TrimSuffix(disable+end, "\n"), false},
		{"stop what is stopped", k.Stop, strings.TrimSuffix(disable, "\n"), false},
		{"start", k.Start, enable + query + "schtasks /run /tn " + name, true},
		{"uninstall", k.Uninstall, disable + end + query + "schtasks /delete /tn " + name + " /f", false},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := s.takeCalls(); got != step.want {
				t.Errorf("called\n%s\nwant\n%s", got, step.want)
			}
			status, err := k.Status()
			if runs := status == service.StatusRunning; runs != step.runs {
				t.Errorf("daemon runs: %v, %v; want %v", runs, err, step.runs)
			}
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the definition was left in the state folder: %v", err)
			}
			s.takeCalls()
		})
	}
}

// seeTasks lets a test see the folder of tasks, as Windows lets the owner of a task.
func seeTasks(t *testing.T, k *task, s *standIn) {
	t.Helper()
	h := k.host.withEnv(map[string]string{"SystemRoot": t.TempDir()})
	k.host = &h
	if err := os.MkdirAll(filepath.Dir(k.definitionPath()), 0o700); err != nil {
		t.Fatal(err)
	}
	s.setFact("file", k.definitionPath())
}

// TestStoppedTaskStaysStopped covers a task scheduler that lets users switch their tasks,
// and one that lets them only register tasks.
func TestStoppedTaskStaysStopped(t *testing.T) {
	for name, refusal := range map[string]string{"the task is switched": "", "the task is registered again": "Access is denied."} {
		t.Run(name, func(t *testing.T) {
			k, s := newTestTask(t)
			seeTasks(t, k, s)
			s.setFact("refuses /change", refusal)
			service := Service{host: *k.host, login: k}
			if err := k.Install(); err != nil {
				t.Fatal(err)
			}
			if state := service.State(); !state.Enabled || !state.Running || service.StopsForGood() {
				t.Errorf("after the installation: %+v", state)
			}
			if err := k.Stop(); err != nil {
				t.Fatal(err)
			}
			if state := service.State(); state.Enabled || state.Running || !strings.Contains(state.Detail, "keyd start") || !service.StopsForGood() {
				t.Errorf("after keyd stop: %+v", state)
			}
			if s.run(nil, "schtasks", "/run", "/tn", k.taskName()); s.hasFact("runs") {
				t.Error("the trigger started the daemon again")
			}
			if err := k.Restart(); err != nil {
				t.Fatal(err)
			}
			if state := service.State(); !state.Enabled || !state.Running {
				t.Errorf("after keyd restart: %+v", state)
			}
			if err := k.Uninstall(); err != nil || s.hasFact("task") || s.hasFact("runs") {
				t.Errorf("after keyd uninstall a task is left: %v, %v", s.facts, err)
			}
		})
	}
}

func TestTaskThatCannotBeSwitchedOffRunsOn(t *testing.T) {
	k, s := newTestTask(t)
	if err := k.Install(); err != nil {
		t.Fatal(err)
	}
	s.setFact("refuses /change", "Access is denied.")
	if err := k.Stop(); err == nil || !strings.Contains(err.Error(), "keyd runs on") || !s.hasFact("runs") {
		t.Errorf("runs %v, error %v; want a daemon that runs on", s.hasFact("runs"), err)
	}
	if err := k.Uninstall(); err != nil || s.hasFact("task") || s.hasFact("runs") {
		t.Errorf("it was not uninstalled: %v, %v", s.facts, err)
	}
}

func TestFailedTaskInstallRestoresStoppedTask(t *testing.T) {
	k, s := newTestTask(t)
	seeTasks(t, k, s)
	for _, do := range []func() error{k.Install, k.Stop} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	older := s.facts["task"]
	s.setFact("refuses /run", "The operator or administrator has refused the request.")
	if err := k.Install(); err == nil || !strings.Contains(err.Error(), "older installation is as it was") {
		t.Errorf("error %v, want one that says that the older installation is as it was", err)
	}
	if s.facts["task"] != older || s.hasFact("runs") {
		t.Error("the task that was stopped is not as it was")
	}
}

func TestTaskThatDoesNotStartIsRemoved(t *testing.T) {
	k, s := newTestTask(t)
	s.setFact("refuses /run", "The operator or administrator has refused the request.")
	err := k.Install()
	if err == nil || !strings.Contains(err.Error(), "refused the request") || s.hasFact("task") {
		t.Errorf("a task was left behind: %v, %v", s.hasFact("task"), err)
	}
}

func TestTaskRefusesPathsWithPercentSigns(t *testing.T) {
	k, s := newTestTask(t)
	k.Executable = `C:\%TEMP%\keyd.exe`
	if _, ok := errors.AsType[*RefusedError](k.Install()); !ok || s.hasFact("task") {
		t.Error("a path with a variable was accepted: Windows would start another program")
	}
}

func TestFirstWordReturnsTheProgram(t *testing.T) {
	for line, want := range map[string]string{
		`"C:\Program Files\keyd.exe" logon`: `C:\Program Files\keyd.exe`,
		`C:\keyd.exe logon "A=b c"`:         `C:\keyd.exe`,
		`C:\keyd.exe`:                       `C:\keyd.exe`,
	} {
		if got := firstWord(line); got != want {
			t.Errorf("first word of %s is %s, want %s", line, got, want)
		}
	}
}

func TestTaskNamesDifferByUser(t *testing.T) {
	var names []string
	for _, login := range []string{`CORP\alice`, `HOME\alice`, `CORP\bob`} {
		k := &task{baseService: baseService{host: &Host{Login: login}}}
		if slices.Contains(names, k.taskName()) || strings.ContainsAny(k.taskName(), `\/:*?"<>| `) {
			t.Errorf("task of %s is named %s, which is not allowed or not unique", login, k.taskName())
		}
		names = append(names, k.taskName())
	}
}

// taskAsRead holds the values that the task scheduler reads from the XML.
type taskAsRead struct {
	Trigger   string `xml:"Triggers>LogonTrigger>UserId"`
	From      string `xml:"Triggers>TimeTrigger>StartBoundary"`
	Every     string `xml:"Triggers>TimeTrigger>Repetition>Interval"`
	For       string `xml:"Triggers>TimeTrigger>Repetition>Duration"` // none: without end
	Enabled   string `xml:"Settings>Enabled"`
	User      string `xml:"Principals>Principal>UserId"`
	Logon     string `xml:"Principals>Principal>LogonType"`
	Level     string `xml:"Principals>Principal>RunLevel"`
	Limit     string `xml:"Settings>ExecutionTimeLimit"`
	Battery   string `xml:"Settings>DisallowStartIfOnBatteries"`
	Unplugged string `xml:"Settings>StopIfGoingOnBatteries"`
	Instances string `xml:"Settings>MultipleInstancesPolicy"`
	Command   string `xml:"Actions>Exec>Command"`
	Arguments string `xml:"Actions>Exec>Arguments"`
}

func TestTaskIsForOneUserAndStartsAgainWithoutEnd(t *testing.T) {
	data := renderTask(awkwardConfig(), `CORP\al & ice`)
	if data[0] != 0xff || data[1] != 0xfe {
		t.Errorf("the task begins with % x, and schtasks accepts only UTF-16 with a byte order mark", data[:2])
	}
	decoder := xml.NewDecoder(strings.NewReader(decodeUTF16(data)))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // data is decoded already
	var got taskAsRead
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := taskAsRead{
		From: "2020-01-01T00:00:00", Every: "PT5M", Enabled: "true",
		Trigger: `CORP\al & ice`, User: `CORP\al & ice`, Logon: "InteractiveToken", Level: "LeastPrivilege",
		Limit: "PT0S", Battery: "false", Unplugged: "false", Instances: "IgnoreNew",
		Command: awkwardConfig().Executable, Arguments: got.Arguments,
	}
	if got != want {
		t.Errorf("task\n%+v\nwant\n%+v", got, want)
	}
	if words := splitWindows(got.Arguments); !slices.Equal(words, []string{"logon",
		`AWS_CONFIG_FILE=/home/al ice/50% of "it"/config`, `AWS_ENDPOINT_URL=http://127.0.0.1:4566/a&b`, `NO_PROXY=localhost,$HOME\`}) {
		t.Errorf("the arguments are %q", words)
	}
}

func TestQuoteWindowsKeepsEveryArgument(t *testing.T) {
	for _, word := range []string{"", "plain", `two words`, `a "quote"`, `C:\with space\`, `\\server\share`, `\"`, `a\\" b`, "tab\there"} {
		if got := splitWindows("keyd " + quoteWindows(word) + " last"); !slices.Equal(got, []string{"keyd", word, "last"}) {
			t.Errorf("argument %q was read back as part of %q", word, got)
		}
	}
}

// splitWindows splits a command line by the rules of CommandLineToArgvW for the
// words after the first.
// Source: Microsoft, "Parsing C command-line arguments".
func splitWindows(line string) []string {
	var words []string
	var word strings.Builder
	quoted, started, slashes := false, false, 0
	endWord := func() {
		word.WriteString(strings.Repeat(`\`, slashes))
		slashes = 0
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	for _, r := range line {
		switch {
		case r == '\\':
			slashes++
			started = true
		case r == '"':
			word.WriteString(strings.Repeat(`\`, slashes/2))
			if slashes%2 == 1 {
				word.WriteRune('"')
			} else {
				quoted = !quoted
			}
			slashes, started = 0, true
		case (r == ' ' || r == '\t') && !quoted:
			endWord()
		default:
			word.WriteString(strings.Repeat(`\`, slashes) + string(r))
			slashes, started = 0, true
		}
	}
	endWord()
	return words
}

// runKeyOnly is a service that only the Run key starts: it has no definition, and
// queryState finds the program.
type runKeyOnly struct{ *task }

func (runKeyOnly) queryState(state *State) error {
	state.Installed, state.Program, state.File = true, `C:\removed\keyd.exe`, runKeyPath
	return nil
}

func TestStateSeesThatTheProgramOfTheRunKeyIsMissing(t *testing.T) {
	k, _ := newTestTask(t)
	s := Service{host: *k.host, login: runKeyOnly{k}}
	if state := s.State(); !state.Installed || !state.ProgramMissing {
		t.Errorf("state %+v, want an installed service whose program is missing", state)
	}
}
