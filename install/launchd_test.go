package install

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kardianos/service"
	"howett.net/plist"
)

// newTestAgent returns an agent whose launchctl is a stand-in.
func newTestAgent(t *testing.T) (*agent, *standIn) {
	t.Helper()
	skipOnWindows(t)
	h := newHost(t, "darwin")
	s := putStandIns(&h)
	c := awkwardConfig()
	made, err := launchdSystem(&h).New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	a := made.(*agent)
	a.pollEvery = time.Millisecond
	return a, s
}

func TestAgentCallsLaunchctl(t *testing.T) {
	a, s := newTestAgent(t)
	file := a.definitionPath()
	steps := []struct {
		name string
		do   func() error
		want string
		runs bool
	}{
		{"install", a.Install, "launchctl enable gui/501/local.keyd-aws\nlaunchctl bootstrap gui/501 " + file, true},
		{"install again, which waits until the old agent is unloaded", a.Install,
			"launchctl bootout gui/501/local.keyd-aws\nlaunchctl enable gui/501/local.keyd-aws\nlaunchctl bootstrap gui/501 " + file, true},
		{"stop", a.Stop, "launchctl bootout gui/501/local.keyd-aws", false},
		{"start a stopped agent", a.Start, "launchctl bootstrap gui/501 " + file, true},
		{"start a running agent", a.Start, "launchctl kickstart gui/501/local.keyd-aws", true},
		{"restart", a.Restart, "launchctl kickstart -k gui/501/local.keyd-aws", true},
		{"uninstall", a.Uninstall, "launchctl bootout gui/501/local.keyd-aws", false},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := s.takeCalls(); got != step.want {
				t.Errorf("called\n%s\nwant\n%s", got, step.want)
			}
			status, err := a.Status()
			if runs := status == service.StatusRunning; runs != step.runs {
				t.Errorf("agent runs: %v, %v; want %v", runs, err, step.runs)
			}
			s.takeCalls() // drop the calls of Status
		})
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plist was not removed: %v", err)
	}
}

func TestAgentUsesBackgroundSessionWithoutScreen(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("sessions", "user/501")
	if err := a.Install(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(), "launchctl enable user/501/local.keyd-aws\nlaunchctl bootstrap user/501 "+a.definitionPath(); got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
}

// TestAgentIsFoundInEverySession covers launchd loading the agent both in the session of
// an ssh login and in the one at the screen: there, the second daemon has ended.
func TestAgentIsFoundInEverySession(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("sessions", "user/501")
	if err := a.Install(); err != nil {
		t.Fatal(err)
	}
	s.setFact("sessions", "user/501 gui/501") // the user logs in at the screen
	if err := s.bootstrap("gui/501", a.definitionPath()); err != nil {
		t.Fatal(err)
	}
	s.setFact("idle gui/501", "yes")
	state := State{}
	if err := a.queryState(&state); err != nil || !state.Running || state.PID != 4711 {
		t.Errorf("state %+v, %v; want the daemon of the other session", state, err)
	}
	s.takeCalls()
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{a.Restart, "launchctl kickstart -k user/501/local.keyd-aws"},
		{a.Stop, "launchctl bootout gui/501/local.keyd-aws\nlaunchctl bootout user/501/local.keyd-aws"},
		{a.Start, "launchctl bootstrap gui/501 " + a.definitionPath()},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := s.takeCalls(); got != step.want {
			t.Errorf("called\n%s\nwant\n%s", got, step.want)
		}
	}
}

func TestAgentRefusesUserWithoutSession(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("sessions", "gui/502")
	if _, ok := errors.AsType[*RefusedError](a.Install()); !ok {
		t.Error("the agent was installed although the user has no session")
	}
	if _, err := os.Stat(filepath.Join(a.host.Home, "Library")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was left behind: %v", err)
	}
}

func TestFailedAgentInstallLeavesNothing(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("refuses bootstrap", "Bootstrap failed: 5: Input/output error")
	err := a.Install()
	if err == nil || !strings.Contains(err.Error(), "Input/output error") || !strings.Contains(err.Error(), "nothing is left") {
		t.Errorf("error %v, want launchctl's and what is left", err)
	}
	if _, err := os.Stat(filepath.Join(a.host.Home, "Library")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was left behind: %v", err)
	}
}

func TestFailedAgentInstallRestoresOlderAgent(t *testing.T) {
	a, s := newTestAgent(t)
	if err := a.Install(); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(a.definitionPath())
	if err != nil {
		t.Fatal(err)
	}
	s.setFact("refuses enable", "Could not enable")
	a.Executable = "/another/keyd"
	if err := a.Install(); err == nil || !strings.Contains(err.Error(), "older installation is as it was") {
		t.Errorf("error %v, want one that says that the older installation is as it was", err)
	}
	if now, err := os.ReadFile(a.definitionPath()); err != nil || string(now) != string(older) || !s.hasFact("loaded gui/501") {
		t.Errorf("the older agent was not restored: loaded %v, %v", s.hasFact("loaded gui/501"), err)
	}
}

func TestStateSaysThatAgentIsSwitchedOff(t *testing.T) {
	a, s := newTestAgent(t)
	if err := a.Install(); err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	s.setFact("disabled", "yes")
	state := State{Installed: true}
	a.queryState(&state)
	if state.Enabled || state.Running || !strings.Contains(state.Detail, "switched off") {
		t.Errorf("state %+v, want one that is switched off", state)
	}
}

// agentAsRead holds the values that launchd reads from the plist.
type agentAsRead struct {
	Label                string
	ProgramArguments     []string
	EnvironmentVariables map[string]string
	RunAtLoad            bool
	StartInterval        int

	LimitLoadToSessionType []string
	KeepAlive              map[string]bool
	ThrottleInterval       int
	ProcessType            string
	Umask                  int
	StandardErrorPath      string
}

func TestPlistLibraryReadsEveryValue(t *testing.T) {
	c := awkwardConfig()
	var got agentAsRead
	format, err := plist.Unmarshal(renderAgent(c, "/home/al ice/state/stderr.log"), &got)
	if err != nil || format != plist.XMLFormat {
		t.Fatalf("format %d, want XML: %v", format, err)
	}
	if want := []string{c.Executable, "run"}; got.Label != "local.keyd-aws" || !slices.Equal(got.ProgramArguments, want) {
		t.Errorf("%s starts %q, want %q", got.Label, got.ProgramArguments, want)
	}
	if !maps.Equal(got.EnvironmentVariables, c.EnvVars) {
		t.Errorf("the variables are %q, want %q", got.EnvironmentVariables, c.EnvVars)
	}
	if restarts, found := got.KeepAlive["SuccessfulExit"]; !got.RunAtLoad || restarts || !found || got.ThrottleInterval < 10 {
		t.Errorf("launchd would not start it at login and restart it only after a failure: %+v", got)
	}
	if !slices.Equal(got.LimitLoadToSessionType, []string{"Aqua", "Background"}) || got.StartInterval != 900 {
		t.Errorf("launchd would not load it in an ssh session, or not look again: %+v", got)
	}
	if got.ProcessType != "Background" || got.Umask != 0o077 || got.StandardErrorPath != "/home/al ice/state/stderr.log" {
		t.Errorf("not a background process with umask 077 and a crash log: %+v", got)
	}
}
