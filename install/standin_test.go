package install

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets this program act as the command of a service manager when it is
// called by that command's name.
func TestMain(m *testing.M) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	standIns := map[string]func(standIn, []string) int{"systemctl": fakeSystemctl, "launchctl": fakeLaunchctl, "schtasks": fakeSchtasks}
	if run, ok := standIns[name]; ok {
		s := standIn{os.Getenv("STANDIN_DIR")}
		s.recordCall(name + " " + strings.Join(os.Args[1:], " "))
		os.Exit(run(s, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// standIn is the memory of a stand-in for a command: one file for each fact, in a
// folder.
type standIn struct{ dir string }

// putStandIns puts stand-ins for these commands first on PATH.
func putStandIns(t *testing.T, names ...string) standIn {
	t.Helper()
	s := standIn{t.TempDir()}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s.copyProgram(t, self, filepath.Join(bin, name+filepath.Ext(self)))
	}
	t.Setenv("STANDIN_DIR", s.dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would make each command wait a second at its end
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return s
}

// skipOnWindows skips a test of a service manager whose paths do not exist on
// Windows.
func skipOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has neither this service manager nor its paths")
	}
}

// copyProgram makes a link to a program. On Windows it makes a copy, because
// Windows does not delete a link to a running program.
func (s standIn) copyProgram(t *testing.T, from, to string) {
	t.Helper()
	if filepath.Ext(from) == ".test" {
		to = strings.TrimSuffix(to, ".test")
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
		return
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// recordCall adds a command line to the calls.
func (s standIn) recordCall(line string) {
	f, err := os.OpenFile(filepath.Join(s.dir, "calls"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
		_ = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

// takeCalls returns the calls since the last takeCalls, without those that only
// ask.
func (s standIn) takeCalls(t *testing.T) string {
	t.Helper()
	path := filepath.Join(s.dir, "calls")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		question := strings.HasPrefix(line, "launchctl print") || strings.HasPrefix(line, "systemctl --user --no-pager --no-ask-password show ")
		if !question {
			actions = append(actions, strings.TrimPrefix(line, "systemctl --user --no-pager --no-ask-password "))
		}
	}
	return strings.Join(actions, "\n")
}

// factPath returns the path of the file for a fact.
func (s standIn) factPath(name string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(name, "/", ""))
}

// hasFact reports whether a fact is set.
func (s standIn) hasFact(fact string) bool { return s.readFact(fact) != "" }

// readFact returns the value of a fact, "" when it is not set.
func (s standIn) readFact(fact string) string {
	data, err := os.ReadFile(s.factPath(fact))
	if err != nil {
		return ""
	}
	return string(data)
}

// setFact sets a fact.
func (s standIn) setFact(fact, value string) {
	if err := os.WriteFile(s.factPath(fact), []byte(value), 0o600); err != nil {
		panic(err)
	}
}

// removeFact unsets a fact.
func (s standIn) removeFact(fact string) { _ = os.Remove(s.factPath(fact)) }

// failWith prints an error as a real command does, and returns the exit code.
func failWith(code int, text string) int {
	fmt.Fprintln(os.Stderr, text)
	return code
}

// fakeLaunchctl knows one session and one agent. Like the real one, bootout
// returns at once, and the agent is still loaded for the next two questions.
func fakeLaunchctl(s standIn, args []string) int {
	switch {
	case s.hasFact("refuses " + args[0]):
		return failWith(5, s.readFact("refuses "+args[0]))
	case args[0] == "print" && !strings.Contains(args[1], agentLabel):
		if args[1] != cmp.Or(s.readFact("session"), "gui/501") {
			return failWith(125, "Domain does not support specified action")
		}
	case args[0] == "print":
		return s.printAgent()
	case args[0] == "print-disabled" && s.hasFact("disabled"):
		fmt.Printf("\tdisabled services = {\n\t\t%q => disabled\n\t}\n", agentLabel)
	case args[0] == "enable":
		s.removeFact("disabled")
	case args[0] == "bootstrap":
		if s.hasFact("loaded") || s.hasFact("leaving") {
			return failWith(5, "Bootstrap failed: 5: Input/output error")
		}
		s.setFact("loaded", args[2])
	case args[0] == "bootout":
		s.removeFact("loaded")
		s.setFact("leaving", "2")
	}
	return 0
}

// printAgent prints the agent as launchctl print does.
func (s standIn) printAgent() int {
	if left, err := strconv.Atoi(s.readFact("leaving")); err == nil {
		s.setFact("leaving", strconv.Itoa(left-1))
		if left <= 1 {
			s.removeFact("leaving")
		}
		return 0
	}
	if !s.hasFact("loaded") {
		return failWith(113, "Could not find service in domain")
	}
	fmt.Printf("%s = {\n\tstate = running\n\tpid = 4711\n}\n", agentLabel)
	return 0
}

// fakeSchtasks knows one task.
func fakeSchtasks(s standIn, args []string) int {
	switch verb := args[0]; {
	case s.hasFact("refuses " + verb):
		return failWith(1, "ERROR: "+s.readFact("refuses "+verb))
	case verb == "/create":
		definition, err := os.ReadFile(args[4])
		if err != nil {
			return failWith(1, err.Error())
		}
		s.setFact("task", string(definition))
	case verb == "/query" && !s.hasFact("task"):
		return failWith(1, "ERROR: The system cannot find the file specified.")
	case verb == "/delete":
		s.removeFact("task")
	case verb == "/run":
		s.setFact("runs", "yes")
	case verb == "/end":
		s.removeFact("runs")
	}
	return 0
}

// fakeSystemctl knows one unit. The fact "reads" holds the folders that it reads.
func fakeSystemctl(s standIn, args []string) int {
	args = args[3:]
	switch verb := args[0]; {
	case s.hasFact("no bus"):
		return failWith(1, "Failed to connect to bus: No medium found")
	case s.hasFact("refuses " + verb):
		return failWith(1, s.readFact("refuses "+verb))
	case verb == "show" && args[1] == "--property=UnitPath":
		fmt.Println("/etc/systemd/user " + s.readFact("reads"))
	case verb == "show":
		fmt.Printf("LoadState=loaded\nActiveState=%s\nSubState=x\nResult=success\nMainPID=0\nUnitFileState=enabled\n", s.readFact("active"))
	case verb == "restart" || verb == "start":
		s.setFact("active", "active")
	case verb == "stop" || verb == "disable":
		s.setFact("active", "inactive")
	}
	return 0
}
