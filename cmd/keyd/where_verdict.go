package main

import (
	"context"
	"os/exec"
	"strings"

	"keyd/credfile/copies"
	"keyd/daemon/decide"
)

// addVerdicts adds to each key at rest whether it is needed, as far as AWS and this machine
// tell. whole says that the whole machine was searched.
func (a *app) addVerdicts(ctx context.Context, r *whereReport, loc locations, whole bool) {
	_, err := exec.LookPath("aws")
	need := decide.Need{NoCLI: err != nil}
	if snapshot, err := loc.store.Read(ctx); err == nil {
		need.SSOSessions = snapshot.SSOSessions()
		for _, p := range snapshot.Profiles {
			need.ShownKeys = append(need.ShownKeys, p.Key.ID)
		}
	}
	need.SawPrograms = r.sawPrograms
	if whole && !r.Interrupted {
		need.Searched = r.Now
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		if k.OldID != "" || k.status.InRotation || k.status.State == decide.StateSkipped {
			continue
		}
		n := need
		n.ID, n.Profiles, n.Created, n.Use, n.Seen = k.ID, k.Profiles, k.status.Created, k.status.KeyUse, k.status.Seen
		for _, c := range r.Copies {
			if c.Holds(k.ID) {
				n.Copies = append(n.Copies, decide.NeedCopy{Place: a.term.shortenHome(c.Path + ":" + joinLines(c)), Kind: c.Kind, Name: c.KindName, Leftover: c.Use == copies.Leftover})
			}
		}
		for _, p := range r.Processes {
			if p.KeyID == k.ID {
				n.Processes = append(n.Processes, p.String())
			}
		}
		v := decide.Judge(n, r.settings, r.Now)
		k.Verdict = &v
	}
}

// writeVerdict writes whether a key is needed: a question with what speaks for it, beside
// its last use, which stands above.
func (t *terminal) writeVerdict(b *strings.Builder, v *decide.Verdict) {
	if v == nil || v.Kind == decide.VerdictUnknown {
		return
	}
	t.writeIndented(b, v.Question)
	for _, text := range v.Evidence {
		t.writeIndented(b, "- "+text)
	}
	for _, text := range v.Blockers {
		t.writeIndented(b, "- but: "+text)
	}
	if v.Hint != "" {
		t.writeIndented(b, v.Hint)
	}
}
