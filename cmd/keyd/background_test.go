package main

import (
	"strings"
	"testing"

	"keyd/daemon/state"
)

// TestOlderDaemonIsNoticed: a daemon that runs another build than this program is named with
// both versions and the way to start it again; the same build, and an unknown one, are not.
func TestOlderDaemonIsNoticed(t *testing.T) {
	older := &state.DaemonInfo{PID: 42, Release: "keyd v0.9.0"}
	if text := daemonProblem(older, true); !strings.Contains(text, "(pid 42) is keyd v0.9.0, and this program is "+buildVersion()) || !strings.HasSuffix(text, "keyd restart") {
		t.Error(text)
	}
	if text := daemonProblem(older, false); strings.Contains(text, "keyd restart") { // keyd run in a terminal is no service
		t.Error(text)
	}
	for _, same := range []*state.DaemonInfo{nil, {PID: 42}, {PID: 42, Release: buildVersion()}} {
		if text := daemonProblem(same, true); text != "" {
			t.Error(text)
		}
	}
}
