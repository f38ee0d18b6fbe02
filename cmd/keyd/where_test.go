package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies"
	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const (
	whereOld = "AKIAQ3EGTESTKEYWOLD2"
	whereNew = "AKIAQ3EGTESTKEYWNEW2"
)

// TestWhereSaysWhoUsesAKey checks what is said about the use of a key, at rest and in a
// rotation.
func TestWhereSaysWhoUsesAKey(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	asked, used := now.Add(-5*time.Hour), now.Add(-7*time.Hour)
	s3 := &remote.Use{At: used, Service: "s3", Region: "eu-west-1"}
	overlap := []*journal.Rotation{{Old: credfile.Key{ID: whereOld}, New: credfile.Key{ID: whereNew}, Validated: used}}
	for name, c := range map[string]struct {
		key       state.KeyStatus
		rotations []*journal.Rotation
		want      string
	}{
		"never asked": {state.KeyStatus{}, nil, "who uses it is not known: keyd has not asked AWS yet"},
		"used":        {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Last: s3}}}, nil, "last used by s3 in eu-west-1, 7h 0m ago (AWS was asked 5h 0m ago)"},
		"denied":      {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Denied: true}}}, nil, "who uses it is not known: iam:GetAccessKeyLastUsed is denied (AWS was asked 5h 0m ago)"},
		"never used":  {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Last: &remote.Use{}}}}, nil, "only keyd has used it (AWS was asked 5h 0m ago)"},
		"quiet":       {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Quiet: used}}}, nil, "only keyd has used it since 30 Nov 2026 (AWS was asked 5h 0m ago)"},
		"the question": {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Last: &remote.Use{At: asked, Service: "iam", Region: "us-east-1"}}}}, nil,
			"who uses it is not known: the last use that AWS has recorded is keyd's question (AWS was asked 5h 0m ago)"},
		"overlap, used":  {state.KeyStatus{OldKeyUse: &decide.OldKeyUse{Asked: asked, Last: s3, Days: []string{"2026-11-30"}}}, overlap, "last used by s3 in eu-west-1, 7h 0m ago (AWS was asked 5h 0m ago)"},
		"overlap, quiet": {state.KeyStatus{OldKeyUse: &decide.OldKeyUse{Asked: asked, Last: s3}}, overlap, "no one has used it since the files show the new key (AWS was asked 5h 0m ago)"},
		"overlap, at rest before": {state.KeyStatus{Memory: state.Memory{KeyUse: &decide.KeyUse{Read: asked, Last: s3}}}, overlap,
			"who uses it is not known: keyd has not asked AWS yet"}, // of which of the two keys, nobody knows
	} {
		c.key.KeyID = whereNew
		k, ok := newWhereKey(c.key, c.rotations)
		if got := k.LastUse.format(now); !ok || got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if k.LastUse != nil && c.rotations != nil && k.LastUse.KeyID != whereOld {
			t.Errorf("%s: the use of %s", name, k.LastUse.KeyID)
		}
	}
	for _, id := range []string{"", "ASIAQ3EGTESTKEYWNEW2", "AKIAIOSFODNN7EXAMPLE"} {
		if _, ok := newWhereKey(state.KeyStatus{KeyID: id}, nil); ok {
			t.Errorf("%q is searched for", id)
		}
	}
}

// TestWhereOrdersByUrgency checks the order of copies, and which of them need a person.
func TestWhereOrdersByUrgency(t *testing.T) {
	r := &whereReport{Keys: []whereKey{{Profiles: []string{"work"}, ID: whereNew, OldID: whereOld, swapped: true}}}
	place := func(id string) []copies.Place { return []copies.Place{{Line: 1, ID: id, Encoding: copies.Plain}} }
	r.addCopies([]copies.Copy{
		{Path: "/csv", Kind: "access-key-csv", Places: place(whereOld)}, {Path: "/env-new", Kind: "dotenv", Places: place(whereNew)}, {Path: "/envrc-new", Kind: "direnv", Places: place(whereNew)},
		{Path: "/env-old", Kind: "dotenv", Places: place(whereOld)}, {Path: "/envrc-old", Kind: "direnv", Places: place(whereOld)}, {Path: "/history-new", Kind: "shell-history", Places: place(whereNew)},
	})
	r.sortCopies()
	var order, person []string
	for _, c := range r.Copies {
		order = append(order, c.Path)
		if c.needsPerson() {
			person = append(person, c.Path)
		}
	}
	if want := []string{"/envrc-old", "/env-old", "/envrc-new", "/env-new", "/csv", "/history-new"}; !slices.Equal(order, want) {
		t.Errorf("order %q", order)
	}
	if want := []string{"/envrc-old", "/env-old", "/envrc-new", "/csv"}; !slices.Equal(person, want) {
		t.Errorf("a person is needed for %q", person)
	}
	if lines := r.Copies[0].Advice.Lines; !slices.Equal(lines, []string{"export AWS_PROFILE=work"}) {
		t.Error(lines)
	}
	if got := adviseFor(copies.FindKind("direnv"), []string{"my 'profile'"}, settings.Default()).Lines; !slices.Equal(got, []string{"export AWS_PROFILE=PROFILE"}) {
		t.Error(got)
	}
}

// TestWhereShowsCopies checks what a person reads about a copy.
func TestWhereShowsCopies(t *testing.T) {
	term := &terminal{home: filepath.FromSlash("/home/al"), out: &bytes.Buffer{}}
	c := whereCopy{Copy: copies.Copy{Path: filepath.FromSlash("/home/al/k8s/s.yaml"), Kind: "kubernetes-secret", More: 3, Places: []copies.Place{{Line: 3, ID: whereNew, Encoding: copies.Base64}, {Line: 9, ID: whereNew, Encoding: copies.Plain}, {Line: 9, ID: whereOld, Encoding: copies.Plain}}},
		KindName: "Kubernetes Secret", Use: copies.Used, Advice: whereAdvice{Way: copies.LinkFile, Text: "do this", Run: "keyd x " + filepath.FromSlash("/home/al/k8s/s.yaml")}}
	r := &whereReport{Keys: []whereKey{{Profiles: []string{"work"}, ID: whereNew}}}
	var b strings.Builder
	term.writeCopy(&b, c, r)
	if want := "\n~/k8s/s.yaml:3,9 and 3 more\n    Kubernetes Secret, in base64\n    do this\n    keep the copy up to date: keyd x ~/k8s/s.yaml\n"; b.String() != filepath.FromSlash(want) {
		t.Errorf("%q", b.String())
	}
	if c.Urgent = true; !c.needsPerson() {
		t.Error("nobody is needed")
	}
	if c.Linked = true; c.needsPerson() {
		t.Error("a person is needed for a file that keyd keeps up to date")
	}
	b.Reset()
	if term.writeCopy(&b, c, r); !strings.Contains(b.String(), "keyd keeps this copy up to date") || strings.Contains(b.String(), "keyd x") {
		t.Error(b.String())
	}
}

// TestOnlyWhatCanBeLinkedIsOffered checks which files the command for links is offered for.
func TestOnlyWhatCanBeLinkedIsOffered(t *testing.T) {
	key := credfile.Key{ID: whereNew, Secret: credfile.NewSecret("wJalrXUtnFEMIK7MDENGbPxRfiCYWHERETEST00A")}
	a := &app{process: process{getenv: func(string) string { return "" }}}
	for text, want := range map[string]bool{
		"a = " + key.ID + "\nb = " + key.Secret.Reveal() + "\n": true,
		"a = " + key.ID + "\n": false,
		"nothing":              false,
	} {
		path := filepath.Join(t.TempDir(), "x.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := a.isLinkable(locations{sys: atomicfile.OS{}}, path, key); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if a.isLinkable(locations{sys: atomicfile.OS{}}, filepath.Join(t.TempDir(), "gone"), key) {
		t.Error("a file that is gone")
	}
}

// TestWhereShowsWhatWasNotSearched checks that each gap that may hide a copy has its words,
// and what happens to a search that was interrupted.
func TestWhereShowsWhatWasNotSearched(t *testing.T) {
	term := &terminal{home: filepath.FromSlash("/home/al"), out: &bytes.Buffer{}}
	r := &whereReport{Keys: []whereKey{{Profiles: []string{"work"}, ID: whereNew}}, Unseen: []string{"some processes"}}
	for _, why := range []copies.Reason{copies.Denied, copies.Failed, copies.Network, copies.Placeholder, copies.Protected, copies.Link, copies.Large, copies.Binary, copies.NoConfig, copies.Packed, copies.Special} {
		if gapTexts[why] == "" == why.IsUnknown() {
			t.Errorf("%s: %q", why, gapTexts[why])
		}
		r.Search.Gaps = append(r.Search.Gaps, copies.Gap{Reason: why, Count: 1200, Examples: []string{filepath.FromSlash("/home/al/x")}})
	}
	text := term.formatWhere(r)
	for _, want := range []string{"no copy was found", filepath.FromSlash("not searched: 1,200 may not be read by you: ~/x, ..\n"), "left out, or searched in part: 4,800 (", "not looked at: some processes\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptedError{os.Interrupt})
	if err := whereExit(ctx, &whereReport{Interrupted: true}); errorCode(err) != 130 {
		t.Error(err)
	}
	if got := formatProgress(copies.Progress{Files: 12345, Bytes: 3 << 30, Copies: 2}); got != "searching: 12,345 files, 3.0 GiB, 2 found" {
		t.Error(got)
	}
}
