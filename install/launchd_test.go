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

// newTestAgent is an agent whose launchctl is a stand-in.
func newTestAgent(t *testing.T) (*agent, standIn) {
	t.Helper()
	skipOnWindows(t)
	s := putStandIns(t, "launchctl")
	h := newHost(t, "darwin")
	c := awkwardConfig()
	made, err := launchdSystem(&h).New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	a := made.(*agent)
	a.pollEvery = time.Millisecond
	return a, s
}

func TestAgentLife(t *testing.T) {
	a, s := newTestAgent(t)
	file := a.definitionPath()
	steps := []struct {
		name string
		do   func() error
		want string
		runs bool
	}{
		{"install", a.Install, "launchctl enable gui/501/local.keyd-aws\nlaunchctl bootstrap gui/501 " + file, true},
		{"install again, which waits until the old one is gone", a.Install,
			"launchctl bootout gui/501/local.keyd-aws\nlaunchctl enable gui/501/local.keyd-aws\nlaunchctl bootstrap gui/501 " + file, true},
		{"stop", a.Stop, "launchctl bootout gui/501/local.keyd-aws", false},
		{"start when stopped", a.Start, "launchctl bootstrap gui/501 " + file, true},
		{"start when it runs", a.Start, "launchctl kickstart gui/501/local.keyd-aws", true},
		{"restart", a.Restart, "launchctl kickstart -k gui/501/local.keyd-aws", true},
		{"uninstall", a.Uninstall, "launchctl bootout gui/501/local.keyd-aws", false},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := s.takeCalls(t); got != step.want {
				t.Errorf("it called\n%s\nand not\n%s", got, step.want)
			}
			status, err := a.Status()
			if runs := status == service.StatusRunning; runs != step.runs {
				t.Errorf("it runs: %v, %v", runs, err)
			}
			s.takeCalls(t) // what Status asked is no act
		})
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plist: %v", err)
	}
}

func TestAgentWithoutAScreenUsesTheBackgroundSession(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("session", "user/501")
	if err := a.Install(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(t), "launchctl enable user/501/local.keyd-aws\nlaunchctl bootstrap user/501 "+a.definitionPath(); got != want {
		t.Errorf("it called\n%s\nand not\n%s", got, want)
	}
}

func TestAgentWithoutASessionIsRefused(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("session", "gui/502")
	if _, ok := errors.AsType[*RefusedError](a.Install()); !ok {
		t.Error("it was installed into nobody's session")
	}
	if _, err := os.Stat(filepath.Join(a.host.Home, "Library")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was left: %v", err)
	}
}

func TestFailedAgentInstallationLeavesNothing(t *testing.T) {
	a, s := newTestAgent(t)
	s.setFact("refuses bootstrap", "Bootstrap failed: 5: Input/output error")
	err := a.Install()
	if err == nil || !strings.Contains(err.Error(), "Input/output error") || !strings.Contains(err.Error(), "nothing is left") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(a.host.Home, "Library")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was left: %v", err)
	}
}

func TestFailedAgentInstallationKeepsTheOlderOne(t *testing.T) {
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
		t.Errorf("%v", err)
	}
	if now, err := os.ReadFile(a.definitionPath()); err != nil || string(now) != string(older) || !s.hasFact("loaded") {
		t.Errorf("the older agent is not back: loaded %v, %v", s.hasFact("loaded"), err)
	}
}

func TestAgentThatAPersonSwitchedOffSaysSo(t *testing.T) {
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
		t.Errorf("%+v", state)
	}
}

// agentAsRead is what launchd takes from the plist.
type agentAsRead struct {
	Label                string
	ProgramArguments     []string
	EnvironmentVariables map[string]string
	RunAtLoad            bool
	KeepAlive            map[string]bool
	ThrottleInterval     int
	ProcessType          string
	Umask                int
	StandardErrorPath    string
}

func TestPlistIsWhatAPlistLibraryReads(t *testing.T) {
	c := awkwardConfig()
	var got agentAsRead
	format, err := plist.Unmarshal(renderAgent(c, "/home/al ice/state/stderr.log"), &got)
	if err != nil || format != plist.XMLFormat {
		t.Fatalf("format %d, %v", format, err)
	}
	if want := []string{c.Executable, "run"}; got.Label != "local.keyd-aws" || !slices.Equal(got.ProgramArguments, want) {
		t.Errorf("%s starts %q", got.Label, got.ProgramArguments)
	}
	if !maps.Equal(got.EnvironmentVariables, c.EnvVars) {
		t.Errorf("the variables are %q", got.EnvironmentVariables)
	}
	if restarts, said := got.KeepAlive["SuccessfulExit"]; !got.RunAtLoad || restarts || !said || got.ThrottleInterval < 10 {
		t.Errorf("it is not started at login, or not again after a failure only: %+v", got)
	}
	if got.ProcessType != "Background" || got.Umask != 0o077 || got.StandardErrorPath != "/home/al ice/state/stderr.log" {
		t.Errorf("%+v", got)
	}
}
