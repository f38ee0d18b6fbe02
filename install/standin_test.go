package install

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// standIn imitates the commands of the service managers, inside the test's own
// process. It remembers facts, and which commands it was given. The tests of runCommand
// and those of real managers start processes, as keyd does.
type standIn struct {
	facts map[string]string
	calls []string
	envs  [][]string // the environment of each call
}

// putStandIns makes the host use stand-ins for the commands of the service managers.
func putStandIns(h *Host) *standIn {
	s := &standIn{facts: map[string]string{}}
	h.command = s.run
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

// run imitates one command.
func (s *standIn) run(env []string, name string, args ...string) (string, error) {
	s.calls, s.envs = append(s.calls, name+" "+strings.Join(args, " ")), append(s.envs, env)
	imitate := map[string]func([]string) (string, error){"systemctl": s.systemctl, "launchctl": s.launchctl, "schtasks": s.schtasks}[name]
	out, err := imitate(args)
	if err != nil {
		return out, &CommandError{Command: name, Output: err.Error(), Err: errors.New("exit status 1")}
	}
	return out, nil
}

// takeCalls returns the calls since the last takeCalls, without those that only
// ask.
func (s *standIn) takeCalls() string {
	var actions []string
	for _, line := range s.calls {
		question := strings.HasPrefix(line, "launchctl print") || strings.HasPrefix(line, "systemctl --user --no-pager --no-ask-password show ")
		if !question {
			actions = append(actions, strings.TrimPrefix(line, "systemctl --user --no-pager --no-ask-password "))
		}
	}
	s.calls, s.envs = nil, nil
	return strings.Join(actions, "\n")
}

// hasFact reports whether a fact is set.
func (s *standIn) hasFact(fact string) bool { return s.facts[fact] != "" }

// setFact sets a fact.
func (s *standIn) setFact(fact, value string) { s.facts[fact] = value }

// removeFact unsets a fact.
func (s *standIn) removeFact(fact string) { delete(s.facts, fact) }

// launchctl knows the agent in each session of the user. The fact "sessions" holds the
// names of the sessions. Like the real one, bootout returns at once, and the agent is
// still loaded for the next two questions; and bootstrap refuses an agent that is not
// for the type of the session.
func (s *standIn) launchctl(args []string) (string, error) {
	domain := args[len(args)-1]
	if args[0] == "bootstrap" {
		domain = args[1]
	}
	domain = strings.TrimSuffix(domain, "/"+agentLabel)
	known := strings.Contains(" "+cmp.Or(s.facts["sessions"], "gui/501")+" ", " "+domain+" ")
	switch {
	case s.hasFact("refuses " + args[0]):
		return "", errors.New(s.facts["refuses "+args[0]])
	case !known:
		return "", errors.New("Domain does not support specified action")
	case args[0] == "print" && strings.HasSuffix(args[1], agentLabel):
		return s.printAgent(domain)
	case args[0] == "print-disabled" && s.hasFact("disabled"):
		return fmt.Sprintf("\tdisabled services = {\n\t\t%q => disabled\n\t}\n", agentLabel), nil
	case args[0] == "enable":
		s.removeFact("disabled")
	case args[0] == "bootstrap":
		return "", s.bootstrap(domain, args[2])
	case args[0] == "bootout":
		s.removeFact("loaded " + domain)
		s.setFact("leaving "+domain, "2")
	}
	return "", nil
}

var sessionTypes = regexp.MustCompile(`(?s)<key>LimitLoadToSessionType</key>\s*<array>(.*?)</array>`)

// bootstrap loads the agent in a session.
func (s *standIn) bootstrap(domain, file string) error {
	plist, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	types := "<string>Aqua</string>" // launchd's default
	if found := sessionTypes.FindSubmatch(plist); found != nil {
		types = string(found[1])
	}
	session := map[string]string{"gui": "Aqua", "user": "Background"}[strings.Split(domain, "/")[0]]
	switch {
	case !strings.Contains(types, "<string>"+session+"</string>"):
		return errors.New("Bootstrap failed: 134: Service cannot be loaded in the requested session")
	case s.hasFact("loaded "+domain) || s.hasFact("leaving "+domain):
		return errors.New("Bootstrap failed: 5: Input/output error")
	}
	s.setFact("loaded "+domain, file)
	return nil
}

// printAgent prints the agent as launchctl print does. Only one of two loaded agents
// has a process.
func (s *standIn) printAgent(domain string) (string, error) {
	if left, err := strconv.Atoi(s.facts["leaving "+domain]); err == nil {
		s.setFact("leaving "+domain, strconv.Itoa(left-1))
		if left <= 1 {
			s.removeFact("leaving " + domain)
		}
		return "", nil
	}
	switch {
	case !s.hasFact("loaded " + domain):
		return "", errors.New("Could not find service in domain")
	case s.hasFact("idle " + domain):
		return agentLabel + " = {\n\tstate = not running\n\tlast exit code = 0\n}\n", nil
	}
	return agentLabel + " = {\n\tstate = running\n\tpid = 4711\n}\n", nil
}

// schtasks knows one task, and keeps its definition in the file that the fact "file"
// names, as Windows does.
func (s *standIn) schtasks(args []string) (string, error) {
	switch verb := args[0]; {
	case s.hasFact("refuses " + verb):
		return "", errors.New("ERROR: " + s.facts["refuses "+verb])
	case verb == "/create":
		definition, err := os.ReadFile(args[4])
		if err != nil {
			return "", err
		}
		s.setFact("task", string(definition))
	case verb == "/query" && !s.hasFact("task"):
		return "", errors.New("ERROR: The system cannot find the file specified.")
	case verb == "/delete":
		s.removeFact("task")
	case verb == "/change":
		switched, ok := switchTask([]byte(s.facts["task"]), args[3] == "/enable")
		if !ok {
			return "", errors.New("ERROR: The task has no switch.")
		}
		s.setFact("task", string(switched))
	case verb == "/run" && isDisabled([]byte(s.facts["task"])):
		return "", errors.New("ERROR: The task is disabled.")
	case verb == "/run":
		s.setFact("runs", "yes")
	case verb == "/end":
		s.removeFact("runs")
	}
	if file := s.facts["file"]; file != "" {
		return "", s.keepTask(file)
	}
	return "", nil
}

// keepTask writes the definition of the task to a file, or removes the file.
func (s *standIn) keepTask(file string) error {
	if !s.hasFact("task") {
		return removeFile(file)
	}
	return os.WriteFile(file, []byte(s.facts["task"]), 0o600)
}

// systemctl knows one unit. The fact "reads" holds the folders that it reads, and
// "version" the version of the user manager.
func (s *standIn) systemctl(args []string) (string, error) {
	args = args[3:]
	switch verb := args[0]; {
	case s.hasFact("no bus"):
		return "", errors.New("Failed to connect to bus: No medium found")
	case s.hasFact("refuses " + verb):
		return "", errors.New(s.facts["refuses "+verb])
	case verb == "show" && args[1] == "--property=Version,UnitPath":
		return "Version=" + cmp.Or(s.facts["version"], "257.9-1") + "\nUnitPath=/etc/systemd/user " + s.facts["reads"] + "\n", nil
	case verb == "show" && args[1] == "--property=Result,ExecMainStatus":
		return cmp.Or(s.facts["result"], "Result=success\nExecMainStatus=0\n"), nil
	case verb == "show":
		return fmt.Sprintf("LoadState=loaded\nActiveState=%s\nSubState=x\nResult=success\nMainPID=0\nUnitFileState=%s\n", s.facts["active"], cmp.Or(s.facts["enabled"], "enabled")), nil
	case verb == "restart" || verb == "start":
		s.setFact("active", "active")
	case verb == "stop" || verb == "disable":
		s.setFact("active", "inactive")
	}
	return "", nil
}
