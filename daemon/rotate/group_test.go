package rotate_test

import (
	"fmt"
	"slices"
	"testing"

	"keyd/credfile"
	"keyd/daemon/rotate"
)

// TestProfilesThatShareAKeyAreOneGroup covers what a pass and keyd status count as one
// key.
func TestProfilesThatShareAKeyAreOneGroup(t *testing.T) {
	rotatable := func(name, path, id string) credfile.Profile {
		return credfile.Profile{Name: name, Path: path, Section: name, Key: credfile.Key{ID: id}}
	}
	twin := credfile.Profile{Name: "twin", Path: "credentials", Section: "twin", Line: 7, Skip: credfile.Unreadable, Why: "[twin] appears in lines 7 and 9", Remedy: "put the lines of both under one header"}
	groups := rotate.GroupProfiles([]credfile.Profile{
		rotatable("default", "credentials", "AKIAA"),
		rotatable("work", "credentials", "AKIAB"),
		rotatable("same", "credentials", "AKIAA"),
		twin, twin,
		{Name: "session", Path: "credentials", Section: "session", Key: credfile.Key{ID: "AKIAA"}, Skip: credfile.Temporary, Why: "a session token"},
		{Name: "sso", Path: "config", Section: "profile sso", Skip: credfile.SSO},
		rotatable("default", "config", "AKIAA"),
	})
	var got []string
	for _, g := range groups {
		line := fmt.Sprintf("%v, %d places: %s", g.Names, len(g.Holders), g.SkipReason)
		if u := g.Unreadable; u != nil {
			line += "unreadable: " + u.Why + "; " + u.Hint
		}
		got = append(got, line)
	}
	want := []string{
		"[default same], 3 places: ",
		"[work], 1 places: ",
		"[twin], 1 places: unreadable: credentials:7: [twin] appears in lines 7 and 9; put the lines of both under one header",
		"[session], 1 places: a session token",
		"[sso], 1 places: sso",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
