package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"keyd/credfile/copies"
	"keyd/credfile/copies/shadow"
)

// outranker is something that programs take a key from before they look into the files: a
// variable in a start file, a session or this shell.
type outranker struct {
	Place  string `json:"place"` // for people: a path with a line, or a program with its pid
	KeyID  string `json:"key,omitzero"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// lookAround adds what outranks the files, and the running programs that hold the key. What
// the search has found as well is said once, with the file.
func (a *app) lookAround(ctx context.Context, r *whereReport) {
	var ids []string
	for _, k := range r.Keys {
		ids = append(ids, k.ids()...)
	}
	lookup := func(name string) (string, bool) {
		value := a.getenv(name)
		return value, value != ""
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = ""
	}
	options := shadow.Standard(a.term.home, dir, lookup, ids...)
	if a.root != "" {
		options.System, options.Proc = a.root, filepath.Join(a.root, "proc")
	}
	around := shadow.Find(ctx, options)
	r.Processes, r.MoreProcesses, r.Unseen = around.Processes, around.MoreProcesses, around.Unseen
	r.sawPrograms = !around.Blind
	confirmed := map[string]bool{}
	for _, s := range around.Shadows {
		if i := slices.IndexFunc(r.Copies, func(c whereCopy) bool { return c.Path == s.Path && c.Holds(s.KeyID) }); i >= 0 {
			r.Copies[i].Use, confirmed[s.Path] = copies.Shadows, true
			continue
		}
		r.OutrankedBy = append(r.OutrankedBy, outranker{Place: s.Place(), KeyID: s.KeyID, Text: describeShadow(s, ids), Remedy: s.Remedy(r.profileOf(s.KeyID))})
	}
	for i := range r.Copies {
		if c := &r.Copies[i]; c.Use == copies.Shadows && !confirmed[c.Path] && slices.Contains(startKinds, c.Kind) {
			c.Use = copies.Used // a comment, or a variable that no program gets
		}
	}
}

// startKinds are the kinds whose files lookAround reads, so that it knows whether they set
// the variable.
var startKinds = []string{"shell-start", "csh-start", "fish-start", "fish-variables", "powershell-profile", "nushell", "elvish", "environment-d", "pam-environment", "etc-environment", "launch-agent"}

// profileOf returns the first profile of a key, and the default one, which needs no variable,
// for a key that is not searched for.
func (r *whereReport) profileOf(id string) string {
	for _, k := range r.Keys {
		if slices.Contains(k.ids(), id) {
			return k.Profiles[0]
		}
	}
	return "default"
}

// describeShadow says what it is that outranks the files.
func describeShadow(s shadow.Shadow, ids []string) string {
	const then = ": programs take that before they look into the credentials file"
	switch {
	case s.IsOneOf(ids...):
		return s.Variable + " is set to this key (" + shortID(s.KeyID) + ")" + then
	case s.KeyID != "":
		return s.Variable + " is set to another key (" + shortID(s.KeyID) + ")" + then
	case s.Computed:
		return s.Variable + " is set to what another program or variable says" + then
	}
	return s.Variable + " is set" + then
}
