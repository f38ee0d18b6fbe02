package main

import (
	"strings"
	"testing"
)

// TestBriefCommandsOnlyRead: a signal ends a brief command at once, so none may write.
func TestBriefCommandsOnlyRead(t *testing.T) {
	for line, brief := range map[string]bool{
		"": true, "status": true, "status --format prompt": true, "version": true, "--version": true, "help rotate": true, "credentials work": true,
		"credentials --setup --write work": false, "credentials work --undo": false, "rotate": false, "run": false, "report": false, "-q rotate": false,
	} {
		if isBrief(strings.Fields(line)) != brief {
			t.Errorf("keyd %s: brief is %v", line, !brief)
		}
	}
}
