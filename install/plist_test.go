package install

import (
	"maps"
	"slices"
	"testing"

	"howett.net/plist"
)

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
