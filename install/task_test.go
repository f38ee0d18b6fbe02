package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kardianos/service"
)

// newTestTask is a task whose schtasks is a stand-in.
func newTestTask(t *testing.T) (*task, standIn) {
	t.Helper()
	s := putStandIns(t, "schtasks")
	h := newHost(t, "windows")
	h.Daemon = func() (int, bool) { return 4711, s.hasFact("runs") }
	c := awkwardConfig()
	c.Executable, c.EnvVars = `C:\Users\al ice\keyd.exe`, map[string]string{"AWS_CONFIG_FILE": `C:\Users\al ice\config`}
	made, err := taskSystem{&h}.New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	k := made.(*task)
	k.daemonTimeout, k.pollEvery = 50*time.Millisecond, time.Millisecond
	return k, s
}

func TestTaskLife(t *testing.T) {
	k, s := newTestTask(t)
	file := filepath.Join(k.host.State, "task.xml")
	name := "keyd-aws-CORP-alice"
	create := "schtasks /create /tn " + name + " /xml " + file + " /f\nschtasks /query /tn " + name + "\nschtasks /run /tn " + name
	end := "schtasks /query /tn " + name + "\nschtasks /end /tn " + name + "\n"
	steps := []struct {
		name string
		do   func() error
		want string
		runs bool
	}{
		{"install", k.Install, create, true},
		{"install again", k.Install, end + create, true},
		{"stop", k.Stop, strings.TrimSuffix(end, "\n"), false},
		{"start", k.Start, strings.TrimPrefix(create, strings.SplitAfter(create, "\n")[0]), true},
		{"uninstall", k.Uninstall, end + "schtasks /query /tn " + name + "\nschtasks /delete /tn " + name + " /f", false},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := s.takeCalls(t); got != step.want {
				t.Errorf("it called\n%s\nand not\n%s", got, step.want)
			}
			status, err := k.Status()
			if runs := status == service.StatusRunning; runs != step.runs {
				t.Errorf("it runs: %v, %v", runs, err)
			}
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the definition was left in the state folder: %v", err)
			}
			s.takeCalls(t)
		})
	}
}

func TestTaskThatDoesNotStartIsTakenBack(t *testing.T) {
	k, s := newTestTask(t)
	s.setFact("refuses /run", "The operator or administrator has refused the request.")
	err := k.Install()
	if err == nil || !strings.Contains(err.Error(), "refused the request") || s.hasFact("task") {
		t.Errorf("a task was left: %v, %v", s.hasFact("task"), err)
	}
}

func TestTaskWithVariablesInItsPathsIsRefused(t *testing.T) {
	k, s := newTestTask(t)
	k.Executable = `C:\%TEMP%\keyd.exe`
	if _, ok := errors.AsType[*RefusedError](k.Install()); !ok || s.hasFact("task") {
		t.Error("Windows would start another program")
	}
}

func TestFirstWord(t *testing.T) {
	for line, want := range map[string]string{
		`"C:\Program Files\keyd.exe" logon`: `C:\Program Files\keyd.exe`,
		`C:\keyd.exe logon "A=b c"`:         `C:\keyd.exe`,
		`C:\keyd.exe`:                       `C:\keyd.exe`,
	} {
		if got := firstWord(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestTaskNamesTellUsersApart(t *testing.T) {
	var names []string
	for _, login := range []string{`CORP\alice`, `HOME\alice`, `CORP\bob`} {
		k := &task{baseService: baseService{host: &Host{Login: login}}}
		if slices.Contains(names, k.taskName()) || strings.ContainsAny(k.taskName(), `\/:*?"<>| `) {
			t.Errorf("%s: %s", login, k.taskName())
		}
		names = append(names, k.taskName())
	}
}
